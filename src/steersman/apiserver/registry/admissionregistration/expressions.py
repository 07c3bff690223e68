"""Admission policies and webhook configurations: their expressions are compiled before they are stored.

An update that leaves an expression as it is does not have it judged anew. Source: "Validating Admission
Policy", validation expressions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.fields import Path, invalid
from steersman.apiserver.admission.conditions import VARIABLES
from steersman.apiserver.admission.policies.literals import plain_literals
from steersman.apiserver.registry.strategy import Context, Strategy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from steersman.api.fields import FieldError
    from steersman.api.types import Object

_BOOL, _TEXT, _ANY = ("bool",), ("string",), ()
_TEXT_OR_NULL = ("string", "null", "null_type")
Found = tuple[Path, str, tuple[str, ...]]
"""Where an expression stands, the expression, and the types it may have; () for all."""


class _ExpressionStrategy(Strategy):
    """Kinds with expressions; versions are pinned."""

    counts_generation = True
    allow_unconditional_update = False

    def validate(self, ctx: Context, obj: Object) -> list[FieldError]:
        return super().validate(ctx, obj) or check_all(self.expressions(obj), frozenset())

    def validate_update(self, ctx: Context, obj: Object, old: Object) -> list[FieldError]:
        known = frozenset(text for _, text, _ in self.expressions(old))
        return super().validate_update(ctx, obj, old) or check_all(self.expressions(obj), known)

    def expressions(self, obj: Object) -> Iterator[Found]:
        """Yield every expression of an object."""
        raise NotImplementedError


class PolicyStrategy(_ExpressionStrategy):
    """Validating and mutating policies."""

    def expressions(self, obj: Object) -> Iterator[Found]:
        spec = obj.get("spec") or {}
        rows = (
            ("matchConditions", "expression", _BOOL),
            ("variables", "expression", _ANY),
            ("validations", "expression", _BOOL),
            ("validations", "messageExpression", _TEXT),
            ("auditAnnotations", "valueExpression", _TEXT_OR_NULL),
        )
        for part, name, types in rows:
            yield from _of(Path("spec", part), spec.get(part) or (), name, types)
        for index, mutation in enumerate(spec.get("mutations") or ()):
            for name in ("applyConfiguration", "jsonPatch"):
                text = (mutation.get(name) or {}).get("expression")
                if text:
                    yield Path("spec", "mutations").index(index).child(name, "expression"), text, _ANY


class WebhookConfigurationStrategy(_ExpressionStrategy):
    """Webhook configurations: their match conditions."""

    def expressions(self, obj: Object) -> Iterator[Found]:
        for index, webhook in enumerate(obj.get("webhooks") or ()):
            where = Path("webhooks").index(index).child("matchConditions")
            yield from _of(where, webhook.get("matchConditions") or (), "expression", _BOOL)


def _of(where: Path, items: Iterable[Object], name: str, types: tuple[str, ...]) -> Iterator[Found]:
    for index, item in enumerate(items):
        if item.get(name):
            yield where.index(index).child(name), str(item[name]), types


def check_all(found: Iterator[Found], known: frozenset[str]) -> list[FieldError]:
    """Return what is wrong with expressions that are not among the known ones."""
    return [
        error for where, text, types in found if text not in known for error in _check(where, text, types)
    ]


def _check(where: Path, text: str, types: tuple[str, ...]) -> list[FieldError]:
    from steersman.api.cel.environment import Checker, ExpressionError

    try:
        checked = Checker(dict.fromkeys(VARIABLES, "dyn")).check(plain_literals(text))
    except ExpressionError as error:
        return [invalid(where, text, f"compilation failed: {error}")]
    if types and checked.type not in (*types, "dyn", "any"):
        return [invalid(where, text, f"must evaluate to {types[0]}")]
    return []
