"""The schemas of custom resources as OpenAPI documents show them.

Version 2 knows neither junctors nor nullable values, and its readers take an object with properties to have
no others: what it cannot say is left out, so that nothing valid is refused. Source: k8s
apiextensions-apiserver pkg/controller/openapi (v2/conversion.go, builder/builder.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steersman.api.types import Object

_PRESERVE, _EMBEDDED = "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"
_JUNCTORS = ("allOf", "anyOf", "oneOf", "not")


def is_open(schema: Object) -> bool:
    """Say whether objects may have any field at all: version 2 then shows no field."""
    return bool(schema.get(_PRESERVE))


def plain(schema: Object) -> Object:
    """Return a schema without what version 2 cannot say; the given one stays as it is."""
    made = {name: value for name, value in schema.items() if name not in _JUNCTORS}
    if made.pop("nullable", False):
        for name in ("type", "items", "properties"):
            made.pop(name, None)
    if made.get(_PRESERVE):
        made.pop("items", None)
        made.pop("properties", None)
    if (made.get("type") == "array" and "items" not in made) or (
        made.get("type") == "object" and made.get(_PRESERVE)
    ):
        del made["type"]
    return _inside(made)


def _inside(made: Object) -> Object:
    properties: Object = made.get("properties") or {}
    if properties:
        made["properties"] = {name: plain(child) for name, child in properties.items()}
    needed = [name for name in made.get("required") or () if not _nullable(properties.get(name))]
    other = made.get("additionalProperties")
    if _nullable(other):
        needed = []
    if made.pop("required", None) and needed:
        made["required"] = needed
    for name in ("items", "additionalProperties"):
        if isinstance(made.get(name), dict):
            made[name] = plain(made[name])
    return made


def _nullable(schema: Any) -> bool:
    return isinstance(schema, dict) and bool(schema.get("nullable"))


def with_embedded(schema: Object, whole: Object, *, v2: bool) -> Object:
    """Return a schema whose embedded objects have the properties `whole` of every object."""
    made = dict(schema)
    if made.get("properties"):
        made["properties"] = {
            name: with_embedded(child, whole, v2=v2) for name, child in made["properties"].items()
        }
    for name in ("items", "additionalProperties"):
        if isinstance(made.get(name), dict):
            made[name] = with_embedded(made[name], whole, v2=v2)
    if made.get(_EMBEDDED) and not (v2 and made.get(_PRESERVE)):
        made["properties"] = {**(made.get("properties") or {}), **whole}
        needed = list(made.get("required") or ())
        made["required"] = needed + [name for name in ("kind", "apiVersion") if name not in needed]
    return made
