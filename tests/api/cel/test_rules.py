"""Rules of custom resources: checked against their schema, evaluated over objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from steersman.api.cel.definition import validate_rules
from steersman.api.cel.rules import Rules
from steersman.api.fields import Path

if TYPE_CHECKING:
    from steersman.api.types import Object

PROPERTIES: Object = {
    "low": {"type": "integer"},
    "high": {"type": "integer"},
    "ratio": {"type": "number"},
    "when": {"type": "string", "format": "date-time"},
    "wait": {"type": "string", "format": "duration"},
    "port": {"x-kubernetes-int-or-string": True},
    "namespace": {"type": "string"},
    "dash-ed": {"type": "string"},
    "maybe": {"type": "integer", "nullable": True},
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "numbers": {"type": "array", "items": {"type": "integer"}},
    "node_selector": {"type": "object", "additionalProperties": {"type": "string"}},
    "deep": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
    "pod": {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "x-kubernetes-preserve-unknown-fields": True,
    },
}


def schema(rule: str, **more: Any) -> Object:
    """A schema whose spec has one rule."""
    rules = [{"rule": rule, **more}]
    spec = {"type": "object", "properties": PROPERTIES, "x-kubernetes-validations": rules}
    return {"type": "object", "properties": {"spec": spec}}


def complaints(value: Object) -> list[str]:
    return [str(error) for error in validate_rules(Path("schema"), value)]


def check(value: Object, spec: Object, old: Object | None = None) -> list[str]:
    before = None if old is None else {"spec": old}
    return [str(error) for error in Rules(value).check({"spec": spec}, before)]


@pytest.mark.parametrize(
    ("rule", "holds", "fails"),
    [
        ("self.low < self.high", {"low": 1, "high": 2}, {"low": 2, "high": 1}),
        ("self.ratio * 2.0 > 3.0", {"ratio": 2}, {"ratio": 1}),
        (
            "self.when < timestamp('2021-01-01T00:00:00Z')",
            {"when": "2020-06-01T00:00:00Z"},
            {"when": "2022-06-01T00:00:00Z"},
        ),
        ("self.wait <= duration('1h')", {"wait": "30m5.5s"}, {"wait": "2h"}),
        ("self.port == 80 || self.port == 'http'", {"port": "http"}, {"port": 81}),
        (
            "self.__namespace__ == self.dash__dash__ed",
            {"namespace": "a", "dash-ed": "a"},
            {"namespace": "a", "dash-ed": "b"},
        ),
        ("!has(self.maybe) || self.maybe == null || self.maybe > 1", {"maybe": None}, {"maybe": 1}),
        ("self.numbers.all(n, n > 0)", {"numbers": [1, 2]}, {"numbers": [1, 0]}),
        (
            "self.node_selector.all(k, k.startsWith('a'))",
            {"node_selector": {"ab": ""}},
            {"node_selector": {"b": ""}},
        ),
        ("self.deep[0][0] == 'x'", {"deep": [["x"]]}, {"deep": [["y"]]}),
        ("self.pod.kind == 'Pod'", {"pod": {"kind": "Pod"}}, {"pod": {"kind": "Node"}}),
    ],
)
def test_a_rule_holds_or_fails(rule: str, holds: Object, fails: Object) -> None:
    made = schema(rule)
    assert complaints(made) == []
    assert check(made, holds) == []
    assert check(made, fails) == [f"spec: Invalid value: failed rule: {rule}"]


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("self.nope == 1", "undefined field 'nope'"),
        ("has(self.free.inside)", "undefined field 'inside'"),
        ("self.low", "must evaluate to a bool"),
        ("self.low ==", "compilation failed: ERROR: <input>:1:12: Syntax error"),
        ("self.numbers.all(a, self.numbers.all(b, self.numbers.all(c, a < b + c)))", "more than 100x"),
    ],
)
def test_a_rule_that_does_not_fit_its_schema_is_refused(rule: str, why: str) -> None:
    assert any(why in text for text in complaints(schema(rule)))


def test_a_transition_rule_needs_an_old_value() -> None:
    told = {"message": "may only grow", "reason": "FieldValueForbidden", "fieldPath": ".low"}
    made = schema("self.low >= oldSelf.low", **told)
    assert complaints(made) == []
    assert check(made, {"low": 1}) == []
    assert check(made, {"low": 1}, {"low": 2}) == ["spec.low: Forbidden: may only grow"]


def test_an_optional_old_value_is_asked_on_creation_too() -> None:
    made = schema("oldSelf.hasValue() || self.low == 0", optionalOldSelf=True)
    assert complaints(made) == []
    assert check(made, {"low": 0}) == []
    assert len(check(made, {"low": 1})) == 1
    assert check(made, {"low": 1}, {"low": 1}) == []


def test_old_values_of_list_items_cannot_be_asked_for() -> None:
    items = {"type": "integer", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}
    value = {"type": "object", "properties": {"all": {"type": "array", "items": items}}}
    assert "uncorrelatable portion of the schema within schema.properties[all]" in complaints(value)[0]


def test_items_of_map_lists_are_found_by_their_keys() -> None:
    rules = [{"rule": "self.size == oldSelf.size"}]
    properties = {"name": {"type": "string"}, "size": {"type": "integer"}}
    items = {"type": "object", "properties": properties, "x-kubernetes-validations": rules}
    value = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": items,
    }
    made = Rules({"type": "object", "properties": {"all": value}})
    old = {"all": [{"name": "a", "size": 1}, {"name": "b", "size": 2}]}
    new = {"all": [{"name": "b", "size": 3}, {"name": "a", "size": 1}]}
    assert [error.field for error in made.check(new, old)] == ["all[0]"]


def test_a_message_can_be_an_expression_and_falls_back_to_the_plain_one() -> None:
    made = schema("self.low > 5", message="too low", messageExpression="'got ' + string(self.low)")
    assert check(made, {"low": 1}) == ["spec: Invalid value: got 1"]
    broken = schema("self.high > 5", message="too low", messageExpression="'got ' + string(self.low)")
    assert check(broken, {"high": 1}) == ["spec: Invalid value: too low"]


def test_what_was_wrong_before_and_is_untouched_is_let_through() -> None:
    made = schema("self.low > 5")
    assert check(made, {"low": 1}, {"low": 1}) == []
    assert len(check(made, {"low": 2}, {"low": 1})) == 1


def test_too_many_rounds_stop_the_evaluation() -> None:
    made = schema("self.numbers.all(a, self.numbers.all(b, self.numbers.all(c, true)))")
    found = check(made, {"numbers": list(range(100))})
    assert len(found) == 1
    assert "call cost exceeds limit" in found[0]


def test_sets_are_equal_in_any_order() -> None:
    rules = [{"rule": "self.all == oldSelf.all"}]
    value = {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}
    made = Rules({"type": "object", "properties": {"all": value}, "x-kubernetes-validations": rules})
    assert made.check({"all": ["a", "b"]}, {"all": ["b", "a"]}) == []
    assert len(made.check({"all": ["a", "c"]}, {"all": ["b", "a"]})) == 1


def test_names_that_differ_in_spelling_only_are_told_apart() -> None:
    properties = {
        "foo_bar": {"type": "integer"},
        "fooBar": {"type": "integer"},
        "FooBarEntry": {"type": "string"},
    }
    rules = [{"rule": "self.foo_bar == self.fooBar && self.FooBarEntry == 'x'"}]
    value = {"type": "object", "properties": properties, "x-kubernetes-validations": rules}
    assert complaints(value) == []
