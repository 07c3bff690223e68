"""Checks that many kinds share: numbers, enumerations, selectors, references, immutable fields.

Every check returns the list of field errors, empty when all is well.  The texts are those API clients know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steersman.api import fields, names, quantity
from steersman.api.intstr import is_percent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from steersman.api.fields import FieldError, Path
    from steersman.api.types import Object

NEGATIVE = "must be greater than or equal to 0"
NOT_POSITIVE = "must be greater than 0"
IMMUTABLE = "field is immutable"
_SELECTOR_OPERATORS = ("DoesNotExist", "Exists", "In", "NotIn")


@dataclass(frozen=True, slots=True)
class Rules:
    """How the objects of one kind are checked, beyond what all objects have in common."""

    name: Callable[[str], list[str]] = names.is_dns1123_subdomain
    create: Callable[[Object], list[FieldError]] | None = None
    """Checks of a whole object, on create and, unless `update_alone`, on update too."""
    update: Callable[[Object, Object], list[FieldError]] | None = None
    """Checks of a change: (new, old)."""
    status: Callable[[Object, Object], list[FieldError]] | None = None
    """Checks of a write to the status sub-resource: (new, old)."""
    update_alone: bool = False
    """`update` says all there is to say about a change; `create` is not asked again."""


def complaints(path: Path, value: Any, found: Iterable[str]) -> list[FieldError]:
    """Turn the complaints of a `names.is_…` check into errors."""
    return [fields.invalid(path, value, problem) for problem in found]


def non_negative(path: Path, value: Any) -> list[FieldError]:
    """Accept absent values, zero and above."""
    if isinstance(value, int) and value < 0:
        return [fields.invalid(path, value, NEGATIVE)]
    return []


def positive(path: Path, value: Any) -> list[FieldError]:
    if isinstance(value, int) and value <= 0:
        return [fields.invalid(path, value, NOT_POSITIVE)]
    return []


def one_of(path: Path, value: Any, allowed: Collection[str]) -> list[FieldError]:
    """Accept absent values and those in `allowed`."""
    if value is None or value in allowed:
        return []
    return [fields.not_supported(path, value, allowed)]


def required(path: Path, value: Any, detail: str = "") -> list[FieldError]:
    """Refuse absent and empty values."""
    return [] if value not in (None, "", [], {}) else [fields.required(path, detail)]


def required_one_of(path: Path, value: Any, allowed: Collection[str]) -> list[FieldError]:
    return required(path, value) or one_of(path, value, allowed)


def required_name(path: Path, value: Any, check: Callable[[str], list[str]]) -> list[FieldError]:
    """Refuse an absent name and one that `check` complains about."""
    if not value:
        return [fields.required(path)]
    return complaints(path, value, check(value))


def optional_name(path: Path, value: Any, check: Callable[[str], list[str]]) -> list[FieldError]:
    return complaints(path, value, check(value)) if value else []


def port_number(path: Path, value: Any) -> list[FieldError]:
    return complaints(path, value, names.is_port_number(value or 0))


def port_or_name(path: Path, value: Any) -> list[FieldError]:
    """Check an IntOrString that stands for a port."""
    if isinstance(value, str):
        return complaints(path, value, names.is_port_name(value))
    return port_number(path, value)


def immutable(path: Path, new: Any, old: Any) -> list[FieldError]:
    return [] if (new or None) == (old or None) else [fields.invalid(path, new, IMMUTABLE)]


def int_or_percent(path: Path, value: Any) -> list[FieldError]:
    """Accept a number of at least zero, or a percentage."""
    if isinstance(value, str) and not is_percent(value):
        text = "a valid percent string must be a numeric string followed by an ending '%'"
        return [
            fields.invalid(
                path, value, f"{text} (e.g. '1%', or '93%', regex used for validation is '[0-9]+%')"
            )
        ]
    return non_negative(path, value)


def amount(path: Path, value: Any) -> list[FieldError]:
    """Check a quantity of at least zero."""
    try:
        parsed = quantity.parse(value)
    except (ValueError, TypeError) as error:
        return [fields.invalid(path, value, str(error))]
    return [fields.invalid(path, value, NEGATIVE)] if parsed < 0 else []


def labels(path: Path, found: Mapping[str, str] | None) -> list[FieldError]:
    """Check a map of labels."""
    errors: list[FieldError] = []
    for key, value in (found or {}).items():
        if problems := names.is_qualified_name(key):
            errors += complaints(path, key, problems)
        if problems := names.is_label_value(value or ""):
            errors += complaints(path, value, problems)
    return errors


def label_selector(path: Path, selector: Object | None) -> list[FieldError]:
    """Check a LabelSelector; absent is fine."""
    if not selector:
        return []
    errors = labels(path.child("matchLabels"), selector.get("matchLabels"))
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        errors += _selector_expression(path.child("matchExpressions").index(index), expression)
    return errors


def _selector_expression(path: Path, expression: Object) -> list[FieldError]:
    operator, values = expression.get("operator"), expression.get("values")
    errors: list[FieldError] = []
    if operator in ("In", "NotIn") and not values:
        errors.append(
            fields.required(path.child("values"), "must be specified when `operator` is 'In' or 'NotIn'")
        )
    elif operator in ("Exists", "DoesNotExist") and values:
        text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        errors.append(fields.forbidden(path.child("values"), text))
    elif operator not in _SELECTOR_OPERATORS:
        errors.append(fields.invalid(path.child("operator"), operator, "not a valid selector operator"))
    key = expression.get("key") or ""
    errors += complaints(path.child("key"), key, names.is_qualified_name(key))
    for index, value in enumerate(values or ()):
        errors += complaints(path.child("values").index(index), value, names.is_label_value(value))
    return errors


def unique(path: Path, values: Iterable[Any]) -> list[FieldError]:
    """Refuse values (hashable) that were there before; `path` is that of the list."""
    seen: set[Any] = set()
    errors: list[FieldError] = []
    for index, value in enumerate(values):
        if value in seen:
            errors.append(fields.duplicate(path.index(index), value))
        seen.add(value)
    return errors
