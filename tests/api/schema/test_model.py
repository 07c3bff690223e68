"""Compiled schemas: facts of built-in types, custom schemas, pruning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from steersman.api import kinds
from steersman.api.schema import FREE, compile_schema, custom_schema, prune, schema_for, schema_of

if TYPE_CHECKING:
    from steersman.api.schema.model import Schema


def at(schema: Schema, path: str) -> Schema:
    for name in path.split("."):
        found = schema.item if name == "[]" else schema.child(name)
        assert found is not None, name
        schema = found
    return schema


@pytest.mark.parametrize("resource", kinds.RESOURCES, ids=str)
def test_every_kind_has_a_schema(resource: kinds.Resource) -> None:
    if resource.kind != "ComponentStatus":
        assert {"apiVersion", "kind", "metadata"} <= schema_for(resource).fields.keys()


@pytest.mark.parametrize("resource", kinds.SERVED, ids=str)
def test_every_object_of_a_subresource_has_a_schema(resource: kinds.Resource) -> None:
    for row in resource.subresources:
        if not row.kind.endswith("Options"):
            assert schema_for(resource, row.name) is not FREE


def test_keyed_lists_know_their_keys() -> None:
    ports = at(schema_for(kinds.PODS), "spec.containers.[].ports")
    assert (ports.list_type, ports.map_keys) == ("map", ("containerPort", "protocol"))
    assert (ports.merge_key, ports.strategies) == ("containerPort", frozenset({"merge"}))
    assert at(ports, "[].protocol").default == "TCP"


def test_a_reference_carries_the_facts_of_its_place() -> None:
    strategy = at(schema_for(kinds.DEPLOYMENTS), "spec.strategy")
    assert strategy.strategies == {"retainKeys"}
    assert "rollingUpdate" in strategy.fields
    assert at(schema_for(kinds.DEPLOYMENTS), "spec.selector").atomic


def test_types_may_contain_themselves() -> None:
    props = at(schema_for(kinds.CUSTOM_RESOURCE_DEFINITIONS), "spec.versions.[].schema.openAPIV3Schema")
    assert at(props, "properties.anything.properties.more").fields.keys() == props.fields.keys()


def test_unknown_kinds_are_free() -> None:
    assert schema_of("example.com", "v1", "Thing") is FREE
    assert schema_of("", "v1", "DeleteOptions").fields


CUSTOM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "integer"},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "list": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"a": {"type": "string"}}},
                },
                "map": {"type": "object", "additionalProperties": {"type": "string"}},
                "pod": {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {}},
            },
        }
    },
}


def test_pruning_drops_and_names_what_the_schema_does_not_know() -> None:
    obj: dict[str, Any] = {
        "apiVersion": "x/v1",
        "metadata": {"name": "a", "labels": {"b": "c"}},
        "spec": {
            "size": 1,
            "gone": 1,
            "free": {"any": {"thing": 1}},
            "list": [{"a": "b", "c": 1}],
            "map": {"k": "v"},
            "pod": {"kind": "Pod", "metadata": {"name": "x"}, "spec": {}},
        },
        "extra": True,
    }
    assert prune(custom_schema(CUSTOM), obj) == ["extra", "spec.gone", "spec.list[0].c", "spec.pod.spec"]
    assert obj["spec"]["free"] == {"any": {"thing": 1}}
    assert obj["spec"]["pod"] == {"kind": "Pod", "metadata": {"name": "x"}}
    assert obj["metadata"] == {"name": "a", "labels": {"b": "c"}}


def test_a_schema_value_compiles_without_names() -> None:
    assert at(compile_schema(CUSTOM), "spec.size").kind == "int64"
