"""Whole objects of other kinds inside custom objects: fields with `x-kubernetes-embedded-resource`.

They say what they are, and their metadata has the form all metadata has; the rest is as the schema says.
Source: k8s apiextensions-apiserver pkg/apiserver/schema/objectmeta.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api import fields, names
from steersman.api.schema import decode, model, schema_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.fields import FieldError
    from steersman.api.schema import Schema
    from steersman.api.types import Object

_METADATA = schema_named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
_UNKNOWN = 'unknown field "'


def trim_metadata(obj: Object, path: str, unknown: list[str]) -> None:
    """Bring an object's metadata into form, in place; adds the paths of unknown fields.

    Raises: schema.DecodeError for a value of the wrong type.
    """
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        return
    where = f"{path}.metadata." if path else "metadata."
    for text in decode(_METADATA, metadata):
        unknown.append(where + text.removeprefix(_UNKNOWN).removesuffix('"'))


def trim(schema: Schema, value: Any, path: str, unknown: list[str]) -> None:
    """Bring the metadata of every embedded object into form. Raises: schema.DecodeError."""
    for place, obj in _found(schema, value, path):
        trim_metadata(obj, place, unknown)


def check(schema: Schema, value: Any, path: str) -> Iterator[FieldError]:
    """Yield what is wrong with embedded objects beyond their schema."""
    for place, obj in _found(schema, value, path):
        yield from _whole(obj, place)


def _found(schema: Schema, value: Any, path: str) -> Iterator[tuple[str, Object]]:
    """Yield every embedded object with its place, outer ones first."""
    if isinstance(value, dict):
        if schema.embedded:
            yield path, value
        for name, item in value.items():
            child = schema.fields.get(name) or schema.item
            if child is not None:
                yield from _found(child, item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and schema.kind is model.LIST and schema.item is not None:
        for index, item in enumerate(value):
            yield from _found(schema.item, item, f"{path}[{index}]")


def _whole(value: Object, path: str) -> Iterator[FieldError]:
    for name in ("apiVersion", "kind"):
        if not value.get(name):
            yield fields.required(f"{path}.{name}", "must not be empty")
    metadata = value.get("metadata")
    if metadata is None:
        return
    if not isinstance(metadata, dict):
        yield fields.invalid(f"{path}.metadata", metadata, "must be an object")
        return
    for name in ("name", "namespace"):
        given = metadata.get(name)
        if isinstance(given, str) and given:
            complaints = names.is_path_segment if name == "name" else names.is_dns1123_label
            for text in complaints(given):
                yield fields.invalid(f"{path}.metadata.{name}", given, text)
