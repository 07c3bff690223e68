"""Is a custom object what its schema says: types and values, embedded objects, CEL rules.

On an update, what was wrong before and has not been touched is let through (ratcheting), so that a stricter
schema does not lock existing objects. Source: KEP-4008; k8s apiextensions-apiserver
pkg/registry/customresource/validator.go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from steersman.api import fields
from steersman.api.schema import structural
from steersman.apiserver.apiextensions import embedded

if TYPE_CHECKING:
    from steersman.api.fields import FieldError
    from steersman.api.types import Object
    from steersman.apiserver.apiextensions.version import CustomVersion

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]|\[([^\]]*)\]")
_ABSENT = object()


def check(version: CustomVersion, obj: Object, old: Object | None) -> list[FieldError]:
    """Return everything that is wrong with a new object or, with `old`, with a change."""
    found = structural.validate(version.openapi, obj)
    if version.has_embedded:
        found += list(embedded.check(version.schema, obj, ""))
    if old is not None:
        found = [error for error in found if not unchanged(error.field, obj, old)]
    rules = version.rules
    if rules is None:
        return found
    if found and any(error.type in _BLOCKING for error in found):
        # Rules are written for objects of the right shape: on others they would only fail a second time.
        text = (
            "some validation rules were not checked because the object was invalid; "
            "correct the existing errors to complete validation"
        )
        return [*found, fields.invalid("<nil>", None, text)]
    return found + rules.check(obj, old)


_BLOCKING = frozenset({fields.REQUIRED, fields.TOO_LONG, fields.TOO_MANY, fields.TYPE_INVALID})
"""Errors after which rules are not evaluated, as upstream has it."""


def unchanged(path: str, obj: Object, old: Object) -> bool:
    """Say whether the value at a field's path is what it was before."""
    new_value, old_value = _at(obj, path), _at(old, path)
    return new_value is not _ABSENT and old_value is not _ABSENT and new_value == old_value


def _at(value: Any, path: str) -> Any:
    for match in _STEP.finditer(path):
        name, index, key = match.groups()
        if index is not None and isinstance(value, list):
            return _ABSENT  # elements move: they cannot be told apart by their place
        if not isinstance(value, dict):
            return _ABSENT
        value = value.get(name or key or index, _ABSENT)
        if value is _ABSENT:
            return _ABSENT
    return value
