"""JSON values as their schema types them: times, durations and bytes are not texts in expressions, numbers
are always floating, and properties have their escaped names.

`converter(schema)` gives None where values can go in as they are, which is the usual case.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from typing import TYPE_CHECKING, Any

from google.protobuf import duration_pb2, timestamp_pb2

from steersman.api import times
from steersman.api.cel.types import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Value = Mapping[str, Any]
    Converter = Callable[[Any], Any]

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def converter(schema: Value) -> Converter | None:
    """Return the function from a JSON value of a schema to the value expressions see, None for no change."""
    type_ = schema.get("type")
    if type_ == "object":
        return _object(schema)
    if type_ == "array":
        item = converter(schema.get("items") or {})
        if item is None:
            return None
        each = item
        return lambda value: [each(one) for one in value] if isinstance(value, list) else value
    if type_ == "number":
        return lambda value: float(value) if type(value) is int else value
    if type_ == "string":
        return _STRINGS.get(schema.get("format") or "")
    return None


def aligned(schema: Value, old: Any, new: Any) -> Any:
    """Return an old value with its sets and map-lists in the order of the new ones where they are equal.

    To a rule two sets are equal whatever the order of their elements, as are two lists with keys.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        other = schema.get("additionalProperties")
        properties: Value = schema.get("properties") or {}
        result = {}
        for name, value in old.items():
            child = properties.get(name) or (other if isinstance(other, dict) else None)
            result[name] = aligned(child, value, new[name]) if child and name in new else value
        return result
    if schema.get("x-kubernetes-list-type") not in ("set", "map"):
        return old
    if isinstance(old, list) and isinstance(new, list) and old != new and len(old) == len(new):
        rest = list(old)
        for item in new:
            if item not in rest:
                return old
            rest.remove(item)
        return new
    return old


def _object(schema: Value) -> Converter | None:
    other = schema.get("additionalProperties")
    if isinstance(other, dict):
        inside = converter(other)
        if inside is None:
            return None
        each = inside
        return lambda value: (
            {key: each(one) for key, one in value.items()} if isinstance(value, dict) else value
        )
    changed: dict[str, tuple[str, Converter | None]] = {}
    for name, child in (schema.get("properties") or {}).items():
        inside, shown = converter(child), escaped(name)
        if inside is not None or shown != name:
            changed[name] = (shown or name, inside)
    return _members(changed) if changed else None


def _members(changed: Mapping[str, tuple[str, Converter | None]]) -> Converter:
    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        result = {}
        for name, item in value.items():
            shown, inside = changed.get(name, (name, None))
            result[shown] = inside(item) if inside is not None else item
        return result

    return convert


def _text(parse: Callable[[str], Any]) -> Converter:
    """Values that do not parse stay text: the schema's format check has said so already."""

    def convert(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return parse(value)
        except (ValueError, OverflowError, binascii.Error):
            return value

    return convert


def as_message(value: Any) -> Any:
    """Return times and durations as the messages the evaluator takes; everything else as it is."""
    if isinstance(value, datetime.datetime):
        stamp = timestamp_pb2.Timestamp()
        stamp.FromDatetime(value)
        return stamp
    if isinstance(value, datetime.timedelta):
        span = duration_pb2.Duration()
        span.FromTimedelta(value)
        return span
    return value


def _date_time(text: str) -> Any:
    return as_message(datetime.datetime.fromtimestamp(times.parse_time(text), datetime.UTC))


def _date(text: str) -> Any:
    day = datetime.date.fromisoformat(text)
    return as_message(datetime.datetime.combine(day, datetime.time(), datetime.UTC))


def _duration(text: str) -> Any:
    """`1h30m`, `-1.5s`, `0`."""
    sign, body = (-1.0, text[1:]) if text.startswith("-") else (1.0, text.removeprefix("+"))
    if body == "0":
        return as_message(datetime.timedelta())
    parts = _PART.findall(body)
    if not parts or "".join(number + unit for number, unit in parts) != body:
        raise ValueError(f"{text!r} is not a duration")
    seconds = sign * sum(float(number) * _SECONDS[unit] for number, unit in parts)
    return as_message(datetime.timedelta(seconds=seconds))


_STRINGS: dict[str, Converter] = {
    "date-time": _text(_date_time),
    "date": _text(_date),
    "duration": _text(_duration),
    "byte": _text(lambda text: base64.b64decode(text, validate=True)),
}
