"""Schemas of custom resources in OpenAPI version 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steersman.api.openapi.custom import plain, with_embedded

if TYPE_CHECKING:
    from steersman.api.types import Object

PRESERVE, EMBEDDED = "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        pytest.param(
            {"type": "object", "anyOf": [{"required": ["a"]}], "properties": {"a": {"type": "string"}}},
            {"type": "object", "properties": {"a": {"type": "string"}}},
            id="junctors go",
        ),
        pytest.param(
            {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "nullable": True}}},
            {"type": "object", "properties": {"a": {}}},
            id="what may be null has no type and is not required",
        ),
        pytest.param(
            {"type": "object", PRESERVE: True, "properties": {"a": {"type": "string"}}},
            {PRESERVE: True},
            id="open objects have neither type nor properties",
        ),
        pytest.param(
            {"type": "array", "items": {"type": "array", "items": {"type": "string"}, "nullable": True}},
            {"type": "array", "items": {}},
            id="lists keep their items",
        ),
    ],
)
def test_what_version_two_cannot_say_is_left_out(schema: Object, shown: Object) -> None:
    assert plain(schema) == shown


def test_embedded_objects_show_what_every_object_has() -> None:
    schema = {"type": "object", "properties": {"pod": {"type": "object", EMBEDDED: True}}}
    shown = with_embedded(schema, {"kind": {"type": "string"}}, v2=False)
    assert shown["properties"]["pod"]["properties"] == {"kind": {"type": "string"}}
    assert shown["properties"]["pod"]["required"] == ["kind", "apiVersion"]
    opened = {"type": "object", "properties": {"pod": {EMBEDDED: True, PRESERVE: True}}}
    assert with_embedded(opened, {"kind": {"type": "string"}}, v2=True) == opened
