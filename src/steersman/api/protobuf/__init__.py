"""Kubernetes' protobuf encoding of API objects, read into plain objects.

Clients written in Go send it by default for built-in kinds. A body is a four-byte magic number and an
envelope (`runtime.Unknown`: type names and the object's bytes); the object's fields are numbered as
`fields.txt` says, a table of the published definitions that `tools/protobuf_fields.py` writes. Answers are
JSON: every such client accepts it.

Source: Kubernetes API concepts, "Kubernetes Protobuf encoding"; the wire format of protocol buffers.
"""

from __future__ import annotations

import base64
import struct
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from steersman.api import times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.types import Object

MAGIC = b"k8s\x00"
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAX_DEPTH = 64
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SCALARS = frozenset("sibdy")
_WRAPPERS = frozenset({"ExtraValue", "Verbs"})
"""Messages that are a bare list in JSON."""


class ProtobufError(ValueError):
    """The body is not what it says it is."""


class Field(NamedTuple):
    """One field: its JSON name, s/i/b/d/y or a message's name, and how it is repeated."""

    name: str
    type: str
    repeated: bool
    mapped: bool
    inline: bool


def decode(data: bytes) -> Object:
    """Return the object of a body, with apiVersion and kind. Raises: ProtobufError."""
    if not data.startswith(MAGIC):
        raise ProtobufError("the body does not begin as Kubernetes' protobuf encoding does")
    try:
        api_version = kind = ""
        raw = b""
        for number, value in _fields(data[len(MAGIC) :]):
            if number == 1:
                names = dict(_fields(_data(value)))
                api_version, kind = _text(names.get(1, b"")), _text(names.get(2, b""))
            elif number == 2:
                raw = _data(value)
        message = _message_name(api_version, kind)
        obj: Object = {"apiVersion": api_version, "kind": kind}
        obj.update(_struct(message, raw, 0))
    except (IndexError, struct.error, UnicodeDecodeError, orjson.JSONDecodeError, OverflowError) as error:
        raise ProtobufError(f"the protobuf body is damaged: {error}") from None
    return obj


def _message_name(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    name = f"{_package(group)}.{version}.{kind}"
    if name not in _table():
        shared = f"meta.v1.{kind}"
        if shared in _table():
            return shared
        raise ProtobufError(f'no kind "{kind}" is registered for version "{api_version}" in protobuf')
    return name


def _package(group: str) -> str:
    """`rbac.authorization.k8s.io` -> `rbac`, "" -> `core`."""
    return group.partition(".")[0] or "core"


@cache
def _table() -> dict[str, str]:
    text = (resources.files(__name__) / "fields.txt").read_text()
    return {name: fields for name, _, fields in (line.partition(" ") for line in text.splitlines())}


@cache
def _message(name: str) -> dict[int, Field]:
    """Return a message's fields by number."""
    found = {}
    for item in _table()[name].split():
        label, _, rest = item.partition("=")
        digits = len(rest) - len(rest.lstrip("0123456789"))
        kind = rest[digits:].lstrip("*@")
        found[int(rest[:digits])] = Field(
            label.lstrip("~"), kind, "*" in rest, "@" in rest, label.startswith("~")
        )
    return found


def _struct(name: str, data: bytes, depth: int) -> Object:
    if depth > MAX_DEPTH:
        raise ProtobufError("the protobuf body is nested too deeply")
    fields = _message(name)
    obj: Object = {}
    for number, value in _fields(data):
        field = fields.get(number)
        if field is None:
            continue  # newer than this table
        if field.inline:
            obj.update(_struct(field.type, _data(value), depth + 1))
        elif field.mapped:
            pair = dict(_fields(_data(value)))
            obj.setdefault(field.name, {})[_text(pair.get(1, b""))] = _value(
                field.type, pair.get(2, b"" if field.type not in "ib" else 0), depth
            )
        elif field.repeated:
            obj.setdefault(field.name, []).extend(_repeated(field.type, value, depth))
        else:
            obj[field.name] = _value(field.type, value, depth)
    return obj


def _repeated(kind: str, value: int | bytes, depth: int) -> Iterator[Any]:
    if kind in "ib" and isinstance(value, bytes):  # packed
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            yield _value(kind, number, depth)
    else:
        yield _value(kind, value, depth)


def _value(kind: str, value: int | bytes, depth: int) -> Any:
    if kind in _SCALARS:
        return _scalar(kind, value)
    data = _data(value)
    special = _SPECIAL.get(kind)
    if special is not None:
        return special(data)
    obj = _struct(kind, data, depth + 1)
    if kind.rpartition(".")[2] in _WRAPPERS:
        return obj.get("items", [])
    return obj


def _scalar(kind: str, value: int | bytes) -> Any:
    if kind == "s":
        return _text(value)
    if kind == "y":
        return base64.b64encode(_data(value)).decode()
    if kind == "d":
        return struct.unpack("<d", _data(value))[0]
    number = _number(value)
    return bool(number) if kind == "b" else number


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield field numbers with their raw values: integers for varints, bytes for everything else."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ProtobufError(f"wire type {wire} is not known")
        if size > end - at:
            raise ProtobufError("a field is longer than the body")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    shift = result = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7
        if shift > 63:
            raise ProtobufError("a number is longer than 64 bits")


def _number(value: int | bytes) -> int:
    """Read a signed 64-bit number: negative ones come as their two's complement."""
    if not isinstance(value, int):
        raise ProtobufError("a number was expected")
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _data(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ProtobufError("a message or a text was expected")
    return value


def _text(value: int | bytes) -> str:
    return _data(value).decode()


def _quantity(data: bytes) -> str:
    return _text(dict(_fields(data)).get(1, b""))


def _int_or_string(data: bytes) -> int | str:
    fields = dict(_fields(data))
    return _text(fields.get(3, b"")) if fields.get(1, 0) else _number(fields.get(2, 0))


def _seconds(data: bytes) -> tuple[int, int] | None:
    fields = dict(_fields(data))
    if not fields.get(1) and not fields.get(2):
        return None  # Go's zero time is null in JSON
    return _number(fields.get(1, 0)), _number(fields.get(2, 0))


def _time(data: bytes) -> str | None:
    moment = _seconds(data)
    return None if moment is None else times.rfc3339(moment[0])


def _micro_time(data: bytes) -> str | None:
    moment = _seconds(data)
    return None if moment is None else times.rfc3339_micro(moment[0] + moment[1] / 1e9)


def _duration(data: bytes) -> str:
    return f"{_number(dict(_fields(data)).get(1, 0)) / 1e9:g}s"


def _json(data: bytes) -> Any:
    raw = _data(dict(_fields(data)).get(1, b""))
    return orjson.loads(raw) if raw else None


_SPECIAL = {
    "api.resource.Quantity": _quantity,
    "util.intstr.IntOrString": _int_or_string,
    "meta.v1.Time": _time,
    "meta.v1.MicroTime": _micro_time,
    "meta.v1.Duration": _duration,
    "meta.v1.FieldsV1": _json,
    "runtime.RawExtension": _json,
}
"""Messages whose JSON form is not an object of their fields."""
