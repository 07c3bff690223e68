"""The protobuf form of OpenAPI v2, read back by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steersman.api.openapi import protobuf

if TYPE_CHECKING:
    from collections.abc import Iterator


def read(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, varint or bytes) of a message."""
    at = 0

    def varint() -> int:
        nonlocal at
        number = shift = 0
        while True:
            byte = message[at]
            at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    while at < len(message):
        key = varint()
        if key & 7 == 2:
            size = varint()
            yield key >> 3, message[at : at + size]
            at += size
        elif key & 7 == 1:
            yield key >> 3, message[at : at + 8]
            at += 8
        else:
            yield key >> 3, varint()


def one(message: bytes, *path: int) -> bytes:
    """The field at a path of numbers; the first of its number each time."""
    for number in path:
        message = next(value for n, value in read(message) if n == number and isinstance(value, bytes))
    return message


DOCUMENT = {
    "swagger": "2.0",
    "info": {"title": "Kubernetes", "version": "v1"},
    "paths": {
        "/api/v1/pods": {
            "get": {
                "operationId": "list",
                "parameters": [{"name": "limit", "in": "query", "type": "integer", "uniqueItems": True}],
                "responses": {"200": {"description": "OK", "schema": {"$ref": "#/definitions/Pod"}}},
                "x-kubernetes-action": "list",
            }
        }
    },
    "definitions": {
        "Pod": {
            "description": "d" * 300,
            "type": "object",
            "required": ["spec", "kind"],
            "properties": {"names": {"type": "array", "items": {"type": "string"}}},
            "additionalProperties": {"type": "string"},
            "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "Pod"}],
        }
    },
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param((1,), b"2.0", id="the version of the document"),
        pytest.param((2, 1), b"Kubernetes", id="the title"),
        pytest.param((8, 2, 1), b"/api/v1/pods", id="a path"),
        pytest.param((8, 2, 2, 2, 5), b"list", id="an operation"),
        pytest.param((8, 2, 2, 2, 8, 1, 2, 3, 4), b"limit", id="a query parameter"),
        pytest.param((8, 2, 2, 2, 9, 1, 1), b"200", id="a status code"),
        pytest.param((8, 2, 2, 2, 9, 1, 2, 1, 2, 1, 1), b"#/definitions/Pod", id="the schema of a response"),
        pytest.param((8, 2, 2, 2, 13, 2, 2), b'"list"\n', id="an extension as YAML"),
        pytest.param((9, 1, 1), b"Pod", id="a definition"),
        pytest.param((9, 1, 2, 4), b"d" * 300, id="a long description"),
        pytest.param((9, 1, 2, 19), b"spec", id="required fields"),
        pytest.param((9, 1, 2, 25, 1, 1), b"names", id="a property"),
        pytest.param((9, 1, 2, 25, 1, 2, 23, 1, 22, 1), b"string", id="the items of an array"),
        pytest.param((9, 1, 2, 21, 1, 22, 1), b"string", id="the values of a map"),
    ],
)
def test_where_things_are(path: tuple[int, ...], value: bytes) -> None:
    assert one(protobuf.encode(DOCUMENT), *path) == value
