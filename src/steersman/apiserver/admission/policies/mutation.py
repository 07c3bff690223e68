"""What a mutation's value does to an object: a configuration is merged in, a JSON patch applied. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api.patch import json_patch
from steersman.api.patch.apply.walk import merged

if TYPE_CHECKING:
    from steersman.api.schema import Schema
    from steersman.api.types import Object

_FIXED = ("apiVersion", "kind", "name", "namespace")


def mutated(obj: Object, patch_type: str, value: Any, schema: Schema) -> Object:
    """Return the object after one mutation. Raises: ValueError, ApiError for a patch that does not fit."""
    if patch_type == "JSONPatch":
        if not isinstance(value, list):
            raise ValueError("a JSONPatch expression must give a list of JSONPatch")
        made: Object = json_patch.apply(obj, [_operation(one) for one in value])
        return made
    if not isinstance(value, dict):
        raise ValueError("an ApplyConfiguration expression must give an Object")
    metadata = value.get("metadata") or {}
    for name in _FIXED:
        if name in value or name in metadata:
            raise ValueError(f"may not mutate {name}")
    changed: Object = merged(schema, obj, value)
    return changed


def _operation(one: Any) -> Object:
    if not isinstance(one, dict) or not one.get("op") or "path" not in one:
        raise ValueError("a JSONPatch needs op and path")
    return one
