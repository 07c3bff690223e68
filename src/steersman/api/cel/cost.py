"""What an expression may cost at most, in CEL's units (about: values looked at).

    bound_of(schema)        how large values of a schema can get
    estimate(tree, bounds)  the largest cost of an expression over variables of such sizes

A list without maxItems is as long as fits into a request. Source: k8s apiextensions-apiserver
pkg/apis/apiextensions/validation (limits), apiserver pkg/cel/common/schemas.go (sizes), cel-go
checker/cost.go (units).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steersman.api.cel.tree import Call, Comprehension, Constant, Identifier, Make, Node, Select
from steersman.api.cel.types import escaped, properties_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    Value = Mapping[str, Any]

EXPRESSION_LIMIT = 10_000_000
"""Most a rule may cost by estimate, over all places it is evaluated at."""
SCHEMA_LIMIT = 100_000_000
"""Most all rules of a schema may cost by estimate."""
REQUEST = 3 * 1024 * 1024
"""Bytes of the largest request."""
_TRAVERSAL = 0.1  # units a character
_REGEX = 0.25  # units a character of the pattern
_MAKE = {"list": 10.0, "map": 30.0, "struct": 40.0}
_FORMAT_SIZES = {"date": 12, "date-time": 35, "duration": 24, "uuid": 38, "ipv4": 17, "ipv6": 47}
_COMPARES = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"})
_SEARCHES = frozenset({"contains", "indexOf", "lastIndexOf", "split", "replace"})
_PATTERNS = frozenset({"matches", "find", "findAll"})
_LIST_WALKS = frozenset(
    {"isSorted", "sum", "min", "max", "indexOf", "lastIndexOf", "join", "sort", "distinct"}
)
_SET_WALKS = frozenset({"sets.contains", "sets.intersects", "sets.equivalent"})
_TEXT_WALKS = frozenset(
    {
        "lowerAscii",
        "upperAscii",
        "trim",
        "substring",
        "reverse",
        "string",
        "bytes",
        "quantity",
        "isQuantity",
        "ip",
        "isIP",
        "cidr",
        "isCIDR",
        "url",
        "isURL",
        "semver",
        "isSemver",
        "validate",
    }
)


@dataclass(frozen=True, slots=True)
class Bound:
    """How large a value can be: characters, items or members; and the same of what is inside."""

    size: float = 1.0
    item: Bound | None = None
    members: Mapping[str, Bound] = field(default_factory=dict)
    walkable: bool = False
    """A list or map: `+` and comparisons look at the items."""
    keyed: bool = False
    """A map: walking it gives its keys, whose texts cost nothing, as upstream has it."""


ONE = Bound()
ANY = Bound(REQUEST, Bound(REQUEST), walkable=True)


def bound_of(schema: Value, *, root: bool = False) -> Bound:
    """Return how large values of a schema can be."""
    type_ = schema.get("type")
    if type_ == "array":
        items = schema.get("items") or {}
        fits = REQUEST // (smallest(items) + 1)
        return Bound(float(schema.get("maxItems", fits)), bound_of(items), walkable=True)
    if type_ == "object":
        other = schema.get("additionalProperties")
        if isinstance(other, dict):
            fits = REQUEST // (smallest(other) + 6)
            most = float(schema.get("maxProperties", fits))
            return Bound(most, bound_of(other), walkable=True, keyed=True)
        members = {escaped(name): bound_of(child) for name, child in properties_of(schema, root=root).items()}
        return Bound(float(len(members) or 1), None, members)
    if type_ == "string":
        return Bound(_text_size(schema))
    if schema.get("x-kubernetes-int-or-string"):
        return Bound(float(schema.get("maxLength", REQUEST)))
    return ONE


def _text_size(schema: Value) -> float:
    if "maxLength" in schema:
        return float(schema["maxLength"])
    if schema.get("enum"):
        return float(max(len(str(one)) for one in schema["enum"]))
    return float(_FORMAT_SIZES.get(schema.get("format") or "", REQUEST - 2))


def smallest(schema: Value) -> int:
    """Return the fewest bytes a value of a schema takes as JSON."""
    type_ = schema.get("type")
    if schema.get("nullable"):
        return 4 if type_ == "boolean" else 1
    if type_ == "string":
        return 2 + int(schema.get("minLength") or 0)
    if type_ == "array":
        return 2
    if type_ == "object":
        properties: Value = schema.get("properties") or {}
        required = schema.get("required") or ()
        return 2 + sum(
            len(name) + 4 + smallest(properties[name])
            for name in required
            if name in properties and "default" not in properties[name]
        )
    return {"boolean": 4}.get(type_ or "", 1)


@dataclass(frozen=True, slots=True)
class _Result:
    cost: float
    bound: Bound


def estimate(tree: Node, bounds: Mapping[str, Bound]) -> int:
    """Return the largest cost of an expression; `bounds` are those of its variables."""
    cost = _visit(tree, bounds).cost
    return 1 << 64 if math.isinf(cost) else min(int(cost), 1 << 64)


def _visit(node: Node, bounds: Mapping[str, Bound]) -> _Result:
    if isinstance(node, Constant):
        return _Result(0.0, Bound(float(node.size or 1)))
    if isinstance(node, Identifier):
        return _Result(1.0, bounds.get(node.name, ONE))
    if isinstance(node, Select):
        operand = _visit(node.operand, bounds)
        inside = operand.bound.members.get(node.field) or operand.bound.item
        return _Result(operand.cost + 1.0, ONE if node.test else inside or ONE)
    if isinstance(node, Make):
        parts = [_visit(part, bounds) for part in node.parts]
        largest = max((part.bound for part in parts), key=lambda bound: bound.size, default=ONE)
        made = Bound(float(len(parts)), largest, walkable=True)
        return _Result(_MAKE[node.kind] + sum(part.cost for part in parts), made)
    if isinstance(node, Comprehension):
        return _comprehension(node, bounds)
    return _call(node, [_visit(argument, bounds) for argument in node.arguments])


def _comprehension(node: Comprehension, bounds: Mapping[str, Bound]) -> _Result:
    over, init = _visit(node.range, bounds), _visit(node.init, bounds)
    item = over.bound.item or ONE
    inner = dict(bounds)
    names = node.variables
    first = ONE if over.bound.keyed else item if len(names) == 1 else ONE
    inner.update(zip(names, (first, item), strict=False))
    gathered = Bound(over.bound.size, item, walkable=True) if isinstance(node.init, Make) else ONE
    inner[node.accumulator] = gathered
    # One round binds one more item: what is gathered so far is appended to, not copied.
    condition, step = _visit(node.condition, inner), _visit(node.step, inner | {node.accumulator: ONE})
    result = _visit(node.result, inner)
    rounds = over.bound.size * (condition.cost + step.cost)
    bound = gathered if gathered.walkable else result.bound
    return _Result(over.cost + init.cost + rounds + result.cost, bound)


def _call(node: Call, arguments: list[_Result]) -> _Result:
    name, costs = node.function, [argument.cost for argument in arguments]
    bounds = [argument.bound for argument in arguments]
    spent = sum(costs)
    if name in ("_&&_", "_||_"):
        return _Result(spent, ONE)
    if name == "_?_:_" and len(arguments) == 3:
        wider = max(bounds[1:], key=lambda bound: bound.size)
        return _Result(costs[0] + max(costs[1:]), wider)
    first = bounds[0] if bounds else ONE
    if name in ("_[_]", "_[?_]", "_?._", "optional_or_value", "orValue", "value"):
        return _Result(spent + 1.0, first.item or first)
    return _Result(spent + _work(name, bounds), _outcome(name, bounds))


def _work(name: str, bounds: list[Bound]) -> float:
    """Units of a call itself."""
    if not bounds:
        return 1.0
    first, second = bounds[0], bounds[1] if len(bounds) > 1 else ONE
    if name in _COMPARES:
        return max(1.0, min(first.size, second.size) * _TRAVERSAL)
    if name == "_+_":
        return max(1.0, (first.size + second.size) * _TRAVERSAL) if first.size > 1 else 1.0
    if name in ("@in", "in"):
        return max(1.0, second.size)
    if name in _PATTERNS:
        return max(1.0, (first.size + 1) * _TRAVERSAL) * max(1.0, second.size * _REGEX)
    if name in _LIST_WALKS and first.walkable:
        return max(1.0, first.size)
    if name in _SET_WALKS:
        return max(1.0, first.size * second.size)
    if name in ("startsWith", "endsWith"):
        return max(1.0, second.size * _TRAVERSAL)
    if name in _SEARCHES:
        return max(1.0, first.size * _TRAVERSAL) * max(1.0, second.size * _TRAVERSAL)
    if name in _TEXT_WALKS and not first.walkable:
        return max(1.0, first.size * _TRAVERSAL)
    return 1.0


def _outcome(name: str, bounds: list[Bound]) -> Bound:
    """How large the result of a call can be."""
    if not bounds:
        return ONE
    first = bounds[0]
    if name == "_+_":
        second = bounds[1]
        return Bound(first.size + second.size, first.item or second.item, walkable=first.walkable)
    if name in (
        "lowerAscii",
        "upperAscii",
        "trim",
        "substring",
        "reverse",
        "replace",
        "find",
        "string",
        "dyn",
    ):
        return first
    if name in ("split", "findAll"):
        return Bound(first.size, first, walkable=True)
    if name == "join":
        inner = first.item.size if first.item is not None else 1.0
        return Bound(first.size * inner)
    if name in ("optional.of", "optional_of", "sort", "distinct", "_[?_]"):
        return first
    return ONE
