"""The OpenAPI v2 document as protobuf, the only form in which kubectl reads it.

A table a message type says which JSON key is which field; the rest is the wire format. Maps become lists of
(name, value) messages, one-of wrappers are written out, `x-...` keys become extensions that hold YAML.
Source of the numbers: gnostic `openapiv2/OpenAPIv2.proto`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Field = Callable[[int, Any], bytes]
    """Field number and JSON value to the encoded field."""
    Table = dict[str, tuple[int, Field]]
    """JSON key to field."""

__all__ = ["MEDIA_TYPES", "encode"]

MEDIA_TYPES = (
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
)
"""Today's name, and the one that is no valid media type but what older clients send."""


def varint(number: int) -> bytes:
    """Base 128, least significant group first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def chunk(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def text(number: int, value: str) -> bytes:
    """A string."""
    return chunk(number, value.encode())


def boolean(number: int, value: bool) -> bytes:
    """A bool; false is absence."""
    return varint(number << 3) + b"\1" if value else b""


def integer(number: int, value: int) -> bytes:
    """An int64."""
    return varint(number << 3) + varint(value & (1 << 64) - 1)


def double(number: int, value: float) -> bytes:
    """A double."""
    return varint(number << 3 | 1) + struct.pack("<d", value)


def free(number: int, value: Any) -> bytes:
    """Anything, as the YAML inside an Any message (JSON is YAML)."""
    return chunk(number, text(2, orjson.dumps(value).decode() + "\n"))


def each(encoder: Field) -> Field:
    """A repeated field."""
    return lambda number, values: b"".join(encoder(number, value) for value in values)


def named(number: int, name: str, field: bytes) -> bytes:
    """One entry of a map: (name, value)."""
    return chunk(number, text(1, name) + field)


def fields(table: Table, extension: int, value: Any) -> bytes:
    """The fields of a message; keys the table does not know are left out unless they are extensions."""
    parts = []
    for key, item in value.items():
        known = table.get(key)
        if known is not None:
            parts.append(known[1](known[0], item))
        elif key.startswith("x-"):
            parts.append(named(extension, key, free(2, item)))
    return b"".join(parts)


def schema(number: int, value: Any) -> bytes:
    """A Schema."""
    return chunk(number, fields(SCHEMA, 31, value))


def schema_map(number: int, value: Mapping[str, Any]) -> bytes:
    """Properties and Definitions: named schemas."""
    return chunk(number, b"".join(named(1, name, schema(2, item)) for name, item in value.items()))


def schema_type(number: int, value: str | list[str]) -> bytes:
    """TypeItem."""
    return chunk(number, each(text)(1, [value] if isinstance(value, str) else value))


def schema_items(number: int, value: Any) -> bytes:
    """ItemsItem."""
    return chunk(number, each(schema)(1, value if isinstance(value, list) else [value]))


def additional(number: int, value: Any) -> bytes:
    """AdditionalPropertiesItem."""
    return chunk(number, boolean(2, value) if isinstance(value, bool) else schema(1, value))


def parameter(number: int, value: Mapping[str, Any]) -> bytes:
    """ParametersItem around the right kind of parameter."""
    if "$ref" in value:
        return chunk(number, chunk(2, text(1, value["$ref"])))
    if value["in"] == "body":
        return chunk(number, chunk(1, chunk(1, fields(BODY_PARAMETER, 6, value))))
    kind, table, extension = PLACES[value["in"]]
    return chunk(number, chunk(1, chunk(2, chunk(kind, fields(table, extension, value)))))


def responses(number: int, value: Mapping[str, Any]) -> bytes:
    """Responses by status code."""
    entries = (named(1, code, chunk(2, chunk(1, fields(RESPONSE, 5, item)))) for code, item in value.items())
    return chunk(number, b"".join(entries))


def operation(number: int, value: Any) -> bytes:
    """An Operation."""
    return chunk(number, fields(OPERATION, 13, value))


def paths(number: int, value: Mapping[str, Any]) -> bytes:
    """Paths: named path items."""
    return chunk(
        number, b"".join(named(2, path, chunk(2, fields(PATH_ITEM, 10, v))) for path, v in value.items())
    )


def info(number: int, value: Any) -> bytes:
    """Info."""
    return chunk(number, fields(INFO, 7, value))


def encode(document: Mapping[str, Any]) -> bytes:
    """The whole document (as decoded JSON) as a Document message."""
    return fields(DOCUMENT, 16, document)


def numbered(first: int, keys: Iterable[str]) -> Table:
    """A stretch of string fields with consecutive numbers."""
    return {key: (first + i, text) for i, key in enumerate(keys)}


SCHEMA: Table = {
    **numbered(1, ("$ref", "format", "title", "description")),
    "default": (5, free),
    "multipleOf": (6, double),
    "maximum": (7, double),
    "exclusiveMaximum": (8, boolean),
    "minimum": (9, double),
    "exclusiveMinimum": (10, boolean),
    "maxLength": (11, integer),
    "minLength": (12, integer),
    "pattern": (13, text),
    "maxItems": (14, integer),
    "minItems": (15, integer),
    "uniqueItems": (16, boolean),
    "maxProperties": (17, integer),
    "minProperties": (18, integer),
    "required": (19, each(text)),
    "enum": (20, each(free)),
    "additionalProperties": (21, additional),
    "type": (22, schema_type),
    "items": (23, schema_items),
    "allOf": (24, each(schema)),
    "properties": (25, schema_map),
}
BODY_PARAMETER: Table = {
    **numbered(1, ("description", "name", "in")),
    "required": (4, boolean),
    "schema": (5, schema),
}
PLACED_PARAMETER: Table = {"required": (1, boolean), **numbered(2, ("in", "description", "name"))}
PATH_PARAMETER: Table = PLACED_PARAMETER | {**numbered(5, ("type", "format")), "uniqueItems": (19, boolean)}
QUERY_PARAMETER: Table = PLACED_PARAMETER | {**numbered(6, ("type", "format")), "uniqueItems": (20, boolean)}
PLACES: dict[str, tuple[int, Table, int]] = {
    "header": (1, PATH_PARAMETER, 22),
    "query": (3, QUERY_PARAMETER, 23),
    "path": (4, PATH_PARAMETER, 22),
}
RESPONSE: Table = {"description": (1, text), "schema": (2, lambda n, v: chunk(n, schema(1, v)))}
OPERATION: Table = {
    "tags": (1, each(text)),
    **numbered(2, ("summary", "description")),
    "operationId": (5, text),
    "produces": (6, each(text)),
    "consumes": (7, each(text)),
    "parameters": (8, each(parameter)),
    "responses": (9, responses),
    "schemes": (10, each(text)),
    "deprecated": (11, boolean),
}
PATH_ITEM: Table = {
    **{
        verb: (i + 2, operation) for i, verb in enumerate(("get", "put", "post", "delete", "options", "head"))
    },
    "patch": (8, operation),
    "parameters": (9, each(parameter)),
}
INFO = numbered(1, ("title", "version", "description"))
DOCUMENT: Table = {
    "swagger": (1, text),
    "info": (2, info),
    "paths": (8, paths),
    "definitions": (9, schema_map),
}
