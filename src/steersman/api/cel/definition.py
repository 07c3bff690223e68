"""The CEL rules of a CustomResourceDefinition, checked when it is written: types, transition rules, cost.

Source: k8s apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go, cel_validation.go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from steersman.api import fields
from steersman.api.cel import tree
from steersman.api.cel.cost import EXPRESSION_LIMIT, REQUEST, SCHEMA_LIMIT, bound_of, estimate, smallest
from steersman.api.cel.environment import Checker, ExpressionError, with_optional_old
from steersman.api.cel.rules import RULES, uses_old
from steersman.api.cel.types import Types

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.cel.cost import Bound
    from steersman.api.fields import FieldError, Path

    Value = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Place:
    path: Path
    root: bool = False
    count: float | None = 1.0
    """How many values there can be at this place; None when only the size of a request limits them."""
    uncorrelated: Path | None = None
    """The first list on the way whose items cannot be told apart."""


def validate_rules(path: Path, schema: Value) -> list[FieldError]:
    """Return what is wrong with the rules of a valid structural schema."""
    check = _Check()
    check.visit(_Place(path, root=True), schema)
    if check.total > SCHEMA_LIMIT:
        what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
        text = _too_much(what, check.total, SCHEMA_LIMIT)
        check.found.append(fields.forbidden(path, text))
    return check.found


class _Check:
    def __init__(self) -> None:
        self.found: list[FieldError] = []
        self.total = 0.0

    def visit(self, place: _Place, schema: Value) -> None:
        """Check the rules at a place and below."""
        if schema.get(RULES):
            self._rules(place, schema)
        for name, child in (schema.get("properties") or {}).items():
            below = place.path.child("properties").key(name)
            stuck = place.uncorrelated
            if stuck is None and schema.get("x-kubernetes-map-type") == "atomic":
                stuck = place.path
            self.visit(replace(place, path=below, root=False, uncorrelated=stuck), child)
        limit = schema.get("maxItems", schema.get("maxProperties"))
        count = None if place.count is None or limit is None else place.count * limit
        other, items = schema.get("additionalProperties"), schema.get("items")
        if isinstance(other, dict):
            below = place.path.child("additionalProperties")
            self.visit(replace(place, path=below, root=False, count=count), other)
        if isinstance(items, dict):
            stuck = place.uncorrelated
            if stuck is None and schema.get("x-kubernetes-list-type") != "map":
                stuck = place.path
            inside = _Place(place.path.child("items"), count=count, uncorrelated=stuck)
            self.visit(inside, items)

    def _rules(self, place: _Place, schema: Value) -> None:
        types = Types()
        type_ = types.of(schema, root=place.root)
        checker = Checker({"self": type_, "oldSelf": type_}, types.pool())
        bound = bound_of(schema, root=place.root)
        count = REQUEST / (smallest(schema) + 1) if place.count is None else place.count
        for index, rule in enumerate(schema[RULES]):
            where = place.path.child(RULES).index(index)
            text = rule.get("rule") or ""
            if rule.get("optionalOldSelf"):
                text = with_optional_old(text)
                old = Checker({"self": type_, "__old": type_}, types.pool())
                self._expression(count, where.child("rule"), old, text, bound, rule, "rule")
            else:
                self._expression(count, where.child("rule"), checker, text, bound, rule, "rule")
            self._old(place, where, rule)
            made = rule.get("messageExpression") or ""
            if made:
                here = where.child("messageExpression")
                self._expression(count, here, checker, made, bound, rule, "messageExpression")

    def _expression(
        self, count: float, where: Path, checker: Checker, text: str, bound: Bound, rule: Value, what: str
    ) -> None:
        wanted, label = ("bool", "") if what == "rule" else ("string", "messageExpression ")
        try:
            checked = checker.check(text)
        except ExpressionError as error:
            self.found.append(fields.invalid(where, rule, f"{label}compilation failed: {error}"))
            return
        if checked.type not in (wanted, "dyn"):
            text = f"{label or 'cel expression '}must evaluate to a {wanted}"
            self.found.append(fields.invalid(where, rule, text))
            return
        bounds = dict.fromkeys(("self", "oldSelf", "__old"), bound)
        cost = estimate(tree.parse(checked.tree), bounds) * count
        self.total += cost
        if cost > EXPRESSION_LIMIT:
            told = _too_much(f"estimated {what} cost", cost, EXPRESSION_LIMIT)
            self.found.append(fields.forbidden(where, told))

    def _old(self, place: _Place, where: Path, rule: Value) -> None:
        text = rule.get("rule") or ""
        if not uses_old(text):
            if rule.get("optionalOldSelf") is not None:
                here, value = where.child("optionalOldSelf"), rule["optionalOldSelf"]
                told = "may not be set if oldSelf is not used in rule"
                self.found.append(fields.invalid(here, value, told))
        elif place.uncorrelated is not None:
            told = (
                "oldSelf cannot be used on the uncorrelatable portion of the schema within "
                f"{place.uncorrelated}"
            )
            self.found.append(fields.invalid(where.child("rule"), text, told))


def _too_much(what: str, cost: float, limit: int) -> str:
    factor = cost / limit
    told = "more than 100x" if factor > 100 else f"{factor:.6f}x" if factor < 1.5 else f"{factor:.1f}x"
    return (
        f"{what} exceeds budget by factor of {told} (try simplifying the rule, or adding maxItems, "
        "maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
