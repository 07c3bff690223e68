"""Custom resources: defaults and validation by a structural schema."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.api.schema import structural

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "minLength": 2, "maxLength": 5, "pattern": "^[a-z]+$"},
                "size": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3},
                "ratio": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "multipleOf": 0.5},
                "mode": {"type": "string", "enum": ["A", "B"]},
                "when": {"type": "string", "format": "date-time"},
                "port": {"x-kubernetes-int-or-string": True},
                "note": {"type": "string", "nullable": True},
                "tags": {
                    "type": "array",
                    "maxItems": 2,
                    "items": {"type": "string"},
                    "x-kubernetes-list-type": "set",
                },
                "parts": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["id"],
                    "items": {
                        "type": "object",
                        "properties": {"id": {"type": "string"}, "on": {"type": "boolean", "default": True}},
                    },
                },
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "one": {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
            },
        }
    },
}


def complaints(**spec: Any) -> list[str]:
    return [str(error) for error in structural.validate(SCHEMA, {"spec": {"name": "abc", **spec}})]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {"size": "x"},
            'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
        ),
        ({"size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ({"size": 11}, "spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"),
        ({"ratio": 0}, "spec.ratio: Invalid value: 0: spec.ratio in body should be greater than 0"),
        ({"ratio": 0.7}, "spec.ratio: Invalid value: 0.7: spec.ratio in body should be a multiple of 0.5"),
        ({"name": "a"}, 'spec.name: Invalid value: "a": spec.name in body should be at least 2 chars long'),
        ({"name": "abcdef"}, "spec.name: Too long: may not be more than 5 bytes"),
        ({"name": "AB"}, "spec.name: Invalid value: \"AB\": spec.name in body should match '^[a-z]+$'"),
        ({"mode": "C"}, 'spec.mode: Unsupported value: "C": supported values: "A", "B"'),
        (
            {"when": "now"},
            'spec.when: Invalid value: "now": spec.when in body must be of type date-time: "now"',
        ),
        (
            {"size": None},
            'spec.size: Invalid value: "null": spec.size in body must be of type integer: "null"',
        ),
        ({"tags": ["a", "b", "c"]}, "spec.tags: Too many: 3: must have at most 2 items"),
        ({"tags": ["a", "a"]}, 'spec.tags[1]: Duplicate value: "a"'),
        ({"parts": [{"id": "x"}, {"id": "x"}]}, 'spec.parts[1]: Duplicate value: {"id":"x"}'),
        (
            {"labels": {"k": 1}},
            'spec.labels.k: Invalid value: "integer": spec.labels.k in body must be of type string: '
            '"integer"',
        ),
        (
            {"one": {"a": 1, "b": 2}},
            'spec.one: Invalid value: {"a":1,"b":2}: "spec.one" must validate one and only one '
            "schema (oneOf). "
            "Found 2 valid alternatives",
        ),
        (
            {"port": True},
            'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: '
            '"boolean"',
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_complaints(spec: dict[str, Any], text: str) -> None:
    assert complaints(**spec) == [text]


@pytest.mark.parametrize(
    "spec",
    [
        {"port": 80},
        {"port": "http"},
        {"note": None},
        {"size": 2.0},
        {"one": {"a": 1}},
        {"when": "2024-01-02T03:04:05Z"},
    ],
    ids=str,
)
def test_accepted(spec: dict[str, Any]) -> None:
    assert complaints(**spec) == []


def test_required_fields_are_named() -> None:
    assert [str(error) for error in structural.validate(SCHEMA, {})] == ["spec: Required value"]
    assert [str(error) for error in structural.validate(SCHEMA, {"spec": {}})] == [
        "spec.name: Required value"
    ]


def test_defaults_fill_in_and_replace_nulls() -> None:
    obj: dict[str, Any] = {"spec": {"size": None, "mode": None, "note": None, "parts": [{"id": "x"}]}}
    structural.default(SCHEMA, obj)
    assert obj == {"spec": {"size": 3, "note": None, "parts": [{"id": "x", "on": True}]}}
