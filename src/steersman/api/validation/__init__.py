"""Semantic validation: what the structural schema cannot say.

`validate_create` and `validate_update` check `metadata` for every kind and then ask the kind's row in
`rules_for`.  Objects have been defaulted and have passed the structural check (types of fields are right);
a validator returns field errors in the order of the fields and never raises for a bad value.

Rows live in `registered`, one module per family of kinds; a kind without a row has a DNS subdomain as its
name and no rules of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from steersman.api import fields
from steersman.api.validation import objectmeta
from steersman.api.validation.registered import RULES
from steersman.api.validation.rules import Rules

if TYPE_CHECKING:
    from steersman.api.fields import FieldError
    from steersman.api.kinds import Resource
    from steersman.api.types import Object

__all__ = ["RULES", "Rules", "rules_for", "validate_create", "validate_status_update", "validate_update"]

_PLAIN: Final = Rules()


def rules_for(resource: Resource) -> Rules:
    """Return the rules of a kind; plain ones for kinds without peculiarities and custom resources."""
    return RULES.get(resource, _PLAIN)


def validate_create(resource: Resource, obj: Object) -> list[FieldError]:
    """Check a new object, its name completed."""
    metadata = obj.get("metadata")
    if metadata is None:
        return [fields.required("metadata")]
    rules = rules_for(resource)
    errors = objectmeta.validate_metadata(resource, metadata, rules.name)
    if rules.create is not None:
        errors += rules.create(obj)
    return errors


def validate_update(resource: Resource, obj: Object, old: Object) -> list[FieldError]:
    """Check the change from `old` to `obj`."""
    rules = rules_for(resource)
    errors = _metadata_change(resource, obj, old, rules)
    if rules.update is not None:
        errors += rules.update(obj, old)
    if rules.create is not None and not rules.update_alone:
        errors += rules.create(obj)
    return errors


def validate_status_update(resource: Resource, obj: Object, old: Object) -> list[FieldError]:
    """Check a write to the status sub-resource."""
    rules = rules_for(resource)
    errors = _metadata_change(resource, obj, old, rules)
    if rules.status is not None:
        errors += rules.status(obj, old)
    return errors


def _metadata_change(resource: Resource, obj: Object, old: Object, rules: Rules) -> list[FieldError]:
    metadata, before = obj.get("metadata") or {}, old.get("metadata") or {}
    errors = objectmeta.validate_metadata_update(metadata, before)
    if any(
        metadata.get(name) != before.get(name)
        for name in ("labels", "annotations", "ownerReferences", "finalizers")
    ):
        errors += objectmeta.validate_metadata(resource, metadata, rules.name)
    return errors
