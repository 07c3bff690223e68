"""`x-kubernetes-validations`: the rules of a structural schema, evaluated over objects.

A rule sees the value it stands at as `self`, and on an update the value that was there before as `oldSelf`,
where the two can be told to be the same thing: through properties, map keys and the keys of map-lists. A rule
that does not ask for `oldSelf` and fails on a value that has not changed is let through. Source: KEP-2876;
k8s apiextensions-apiserver pkg/apiserver/schema/cel/validation.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steersman.api import fields
from steersman.api.cel.environment import (
    EvaluationError,
    ExpressionError,
    evaluate,
    program,
    with_optional_old,
)
from steersman.api.cel.types import TYPE_META
from steersman.api.cel.values import aligned, converter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.cel.values import Converter
    from steersman.api.fields import FieldError

    Value = Mapping[str, Any]

RULES = "x-kubernetes-validations"
EVALUATIONS = 500_000
"""Most evaluations for one object: upstream's budget of ten million units at twenty a rule."""
MESSAGE_MAX = 5120
"""Most bytes of a message that an expression makes."""
_OLD = re.compile(r"\boldSelf\b")
_ABSENT = object()
_NO_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"
_REASONS = {
    "FieldValueForbidden": fields.FORBIDDEN,
    "FieldValueRequired": fields.REQUIRED,
    "FieldValueDuplicate": fields.DUPLICATE,
}


def uses_old(text: str) -> bool:
    """Say whether an expression looks at the old value."""
    return _OLD.search(text) is not None


@dataclass(slots=True)
class _Rule:
    text: str
    message: str
    message_expression: str
    reason: str
    field_path: str
    uses_old: bool
    optional_old: bool
    """`oldSelf` is an optional, and the rule is evaluated without an old value too."""

    @property
    def told(self) -> str:
        """What errors about the rule itself call it."""
        return self.message.strip() or self.text.strip()


@dataclass(slots=True)
class _Place:
    """A node of the schema that has rules, or has some below it."""

    schema: Value
    rules: tuple[_Rule, ...]
    convert: Converter | None
    members: dict[str, _Place] = field(default_factory=dict)
    inside: _Place | None = None
    """Items of a list, values of a map."""
    keys: tuple[str, ...] | None = None
    """The keys of a map-list; None when items cannot be told apart."""
    sets: bool = False
    """Rules here compare with old values, and there are lists whose order means nothing."""


class _Stopped(Exception):
    """No further rules are evaluated."""


class Rules:
    """The rules of one schema. Programs are compiled when first needed and shared by equal expressions."""

    def __init__(self, schema: Value) -> None:
        self._root = _place(schema, root=True)

    def check(self, obj: Any, old: Any | None) -> list[FieldError]:
        """Return what the rules say about a new object or, with `old`, about a change."""
        if self._root is None:
            return []
        walk = _Walk()
        try:
            walk.visit(self._root, "", obj, _ABSENT if old is None else old)
        except _Stopped:
            return walk.found
        return walk.found


def _place(schema: Value, *, root: bool = False) -> _Place | None:
    rules = tuple(_rule(one) for one in schema.get(RULES) or () if (one.get("rule") or "").strip())
    seen = schema
    if root or schema.get("x-kubernetes-embedded-resource"):
        seen = {**schema, "properties": {**(schema.get("properties") or {}), **TYPE_META}}
    made = _Place(schema, rules, converter(seen) if rules else None)
    made.sets = any(rule.uses_old for rule in rules) and _has_sets(schema)
    for name, child in (schema.get("properties") or {}).items():
        below = _place(child)
        if below is not None:
            made.members[name] = below
    inner = schema.get("items") or schema.get("additionalProperties")
    if isinstance(inner, dict):
        made.inside = _place(inner)
    if schema.get("x-kubernetes-list-type") == "map":
        made.keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
    return made if rules or made.members or made.inside else None


def _has_sets(schema: Value) -> bool:
    if schema.get("x-kubernetes-list-type") in ("set", "map"):
        return True
    inside = [schema.get("additionalProperties"), *(schema.get("properties") or {}).values()]
    return any(isinstance(child, dict) and _has_sets(child) for child in inside)


def _rule(value: Value) -> _Rule:
    text = value["rule"]
    return _Rule(
        text,
        value.get("message") or "",
        (value.get("messageExpression") or "").strip(),
        value.get("reason") or "",
        (value.get("fieldPath") or "").removeprefix("."),
        uses_old(text),
        bool(value.get("optionalOldSelf")),
    )


class _Walk:
    """One evaluation of all rules."""

    def __init__(self) -> None:
        self.found: list[FieldError] = []
        self._left = EVALUATIONS

    def visit(self, place: _Place, path: str, value: Any, old: Any) -> None:
        """Evaluate the rules at a place, then those below. Null has no rules."""
        if value is None:
            return
        if place.rules:
            self._rules(place, path, value, old)
        if isinstance(value, dict):
            self._members(place, path, value, old if isinstance(old, dict) else {})
        elif isinstance(value, list) and place.inside is not None:
            known = _by_keys(place.keys, old)
            for index, item in enumerate(value):
                before = known.get(_key(place.keys, item), _ABSENT) if known else _ABSENT
                self.visit(place.inside, f"{path}[{index}]", item, before)

    def _members(self, place: _Place, path: str, value: Value, old: Value) -> None:
        if place.inside is not None:
            for name, item in value.items():
                self.visit(place.inside, f"{path}[{name}]", item, old.get(name, _ABSENT))
        for name, below in place.members.items():
            if name in value:
                where = f"{path}.{name}" if path else name
                self.visit(below, where, value[name], old.get(name, _ABSENT))

    def _rules(self, place: _Place, path: str, value: Any, old: Any) -> None:
        has_old = old is not _ABSENT and old is not None
        convert = place.convert
        values: dict[str, Any] = {"self": convert(value) if convert else value}
        if has_old:
            before = aligned(place.schema, old, value) if place.sets else old
            values["oldSelf"] = values["__old"] = convert(before) if convert else before
        for rule in place.rules:
            if rule.uses_old and not has_old and not rule.optional_old:
                continue
            if self._left <= 0:
                self._say(path, _NO_BUDGET)
                raise _Stopped
            self._left -= 1
            if self._holds(rule, path, values, has_old):
                continue
            if not rule.uses_old and has_old and value == old:
                continue  # it was wrong before, and nobody has touched it
            self._failed(place, rule, path, value, values)

    def _holds(self, rule: _Rule, path: str, values: Value, has_old: bool) -> bool:
        """Evaluate a rule; errors of the evaluation itself are told here and count as held."""
        text = with_optional_old(rule.text, old=has_old) if rule.optional_old else rule.text
        given = {name: item for name, item in values.items() if not (rule.optional_old and name == "oldSelf")}
        try:
            return bool(evaluate(program(text), given) is True)
        except ExpressionError as error:
            self._say(path, f"rule compile error: {error}")
        except EvaluationError as error:
            told = str(error)
            if "budget exceeded" in told:
                self._say(
                    path,
                    "'operation cancelled: actual cost limit exceeded': no further validation rules will be "
                    f"run due to call cost exceeds limit for rule: {rule.told}",
                )
                raise _Stopped from None
            if told.startswith(("no such overload", "No matching overload")):
                self._say(
                    path,
                    f"'{told}': call arguments did not match a supported operator, function or macro "
                    f"signature for rule: {rule.told}",
                )
            else:
                self._say(path, f"{told} evaluating rule: {rule.told}")
        return True

    def _failed(self, place: _Place, rule: _Rule, path: str, value: Any, values: Value) -> None:
        message = _made_message(rule, values) or rule.message.strip() or f"failed rule: {rule.told}"
        where = ".".join(part for part in (path, rule.field_path) if part) or "<nil>"
        shown = fields.OMITTED if place.schema.get("type") in ("object", "array") else value
        type_ = _REASONS.get(rule.reason, fields.INVALID)
        self.found.append(fields.FieldError(type_, where, shown, message))

    def _say(self, path: str, text: str) -> None:
        self.found.append(fields.FieldError(fields.INVALID, path or "<nil>", fields.OMITTED, text))


def _made_message(rule: _Rule, values: Value) -> str:
    """Return the message that the rule's expression makes, empty when it cannot be used."""
    if not rule.message_expression:
        return ""
    try:
        made = evaluate(program(rule.message_expression), values)
    except ValueError:
        return ""  # the plain message stands in, as upstream has it
    if not isinstance(made, str) or "\n" in made.strip() or len(made.encode()) > MESSAGE_MAX:
        return ""
    return made.strip()


def _by_keys(keys: tuple[str, ...] | None, old: Any) -> dict[tuple[Any, ...], Any]:
    if keys is None or not isinstance(old, list):
        return {}
    return {_key(keys, item): item for item in old if isinstance(item, dict)}


def _key(keys: tuple[str, ...] | None, item: Any) -> tuple[Any, ...]:
    return tuple(item.get(key) for key in keys or ()) if isinstance(item, dict) else ()
