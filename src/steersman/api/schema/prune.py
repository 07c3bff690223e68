"""Drop what a custom resource's structural schema does not name, and say what was dropped.

Works on any compiled schema; the built-in kinds lose unknown fields already while they are decoded. Fields
below `x-kubernetes-preserve-unknown-fields` stay; an embedded resource keeps its type and object metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api.schema import model

if TYPE_CHECKING:
    from steersman.api.schema.model import Schema

_META = ("apiVersion", "kind", "metadata")


def prune(schema: Schema, obj: Any, *, root: bool = True) -> list[str]:
    """Remove unknown fields in place; returns their paths (`spec.foo`, `spec.list[0].bar`), sorted.

    At the root `apiVersion`, `kind` and `metadata` always stay: they belong to every object.
    """
    found: list[str] = []
    _prune(schema, obj, "", found, keep=_META if root else ())
    return sorted(found)


def _prune(schema: Schema, value: Any, path: str, found: list[str], keep: tuple[str, ...] = ()) -> None:
    if isinstance(value, dict):
        _prune_members(schema, value, path, found, (*keep, *_META) if schema.embedded else keep)
    elif isinstance(value, list) and schema.kind is model.LIST and schema.item is not None:
        for i, item in enumerate(value):
            _prune(schema.item, item, f"{path}[{i}]", found)


def _prune_members(
    schema: Schema, value: dict[str, Any], path: str, found: list[str], keep: tuple[str, ...]
) -> None:
    for key in list(value):
        below = f"{path}.{key}" if path else key
        child = schema.fields.get(key) or schema.item
        if child is not None:
            _prune(child, value[key], below, found)
        elif key not in keep and not schema.preserve and schema.kind is not model.ANY:
            del value[key]
            found.append(below)
