"""Definitions: the types as OpenAPI documents show them, with their prose.

A definition is made as encoded JSON, one at a time, so that a document of megabytes never exists as Python
objects. Version 2 refers to `#/definitions/<name>`, version 3 to `#/components/schemas/<name>`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from steersman.api.openapi import custom
from steersman.api.schema import builtin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.resource import Resource
    from steersman.api.types import Object

V2 = "#/definitions/"
V3 = "#/components/schemas/"

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
LIST_META = f"{_META}.ListMeta"
_OWN_KEYS = ("x-keeps-zero", "x-always-there", "default")
_SPECIAL_V2: dict[str, Object] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": "string"},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": "string", "format": "int-or-string"},
    "io.k8s.apimachinery.pkg.runtime.RawExtension": {"type": "object"},
}
_SPECIAL_V3: dict[str, Object] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
    "io.k8s.apimachinery.pkg.runtime.RawExtension": {"type": "object"},
}
_REFERENCE = re.compile(rb'"\$ref":"#/(?:definitions|components/schemas)/([^"]+)"')


@dataclass(frozen=True, slots=True)
class CustomSchema:
    """A custom resource and the `openAPIV3Schema` of the served version (empty: anything goes)."""

    resource: Resource
    schema: Object


def custom_name(resource: Resource) -> str:
    """`com.example.stable.v1.CronTab`: the group reversed, the version, the kind."""
    return ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])


def definition_name(resource: Resource) -> str:
    """The definition of a resource's objects; empty when a built-in kind has none."""
    if resource.custom:
        return custom_name(resource)
    return builtin.type_name(resource.group, resource.version, resource.kind)


class Definitions:
    """Makes definitions in one dialect. Holds the prose of all types: make it, use it, drop it."""

    def __init__(self, prefix: str, customs: Iterable[CustomSchema] = ()) -> None:
        self.prefix = prefix
        self._prose = builtin.descriptions()
        self._custom = {custom_name(item.resource): item for item in customs}
        self._lists = {f"{name}List": item for name, item in self._custom.items()}

    def closure(self, roots: Iterable[str]) -> dict[str, bytes]:
        """The named definitions and all they refer to: name -> encoded definition, sorted by name."""
        found: dict[str, bytes] = {}
        waiting = [name for name in roots if name]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found[name] = encoded = self.encoded(name)
            waiting += {match.decode() for match in _REFERENCE.findall(encoded)}
        return dict(sorted(found.items()))

    def encoded(self, name: str) -> bytes:
        """One definition as JSON."""
        return orjson.dumps(self._value(name))

    def _value(self, name: str) -> Object:
        if name in self._custom:
            return self._custom_value(self._custom[name])
        if name in self._lists:
            return self._custom_list(self._lists[name])
        prose: Object = orjson.loads(self._prose[name])
        special = (_SPECIAL_V2 if self.prefix == V2 else _SPECIAL_V3).get(name)
        value = dict(special) if special is not None else self._type(builtin.types().value(name), prose)
        if prose.get(""):
            value["description"] = prose[""]
        return value

    def _type(self, value: Object, prose: Object) -> Object:
        properties = value.get("properties")
        result = self._place(value)
        if properties:
            result["properties"] = {
                key: self._property(child, prose.get(key, "")) for key, child in properties.items()
            }
        return result

    def _property(self, value: Object, description: str) -> Object:
        result = self._place(value)
        if description:
            result["description"] = description
        return result

    def _place(self, value: Object) -> Object:
        """A schema value in the dialect: references with their prefix, wrapped where version 3 wants that."""
        result: Object = {}
        for key, item in value.items():
            if key in _OWN_KEYS:
                if key == "default":
                    result[key] = item
            elif key == "$ref":
                self._refer(result, item, alone=len(value) == 1)
            elif key in ("items", "additionalProperties") and isinstance(item, dict):
                result[key] = self._place(item)
            elif key != "properties":
                result[key] = item
        return result

    def _refer(self, result: Object, name: str, *, alone: bool) -> None:
        reference = {"$ref": self.prefix + name}
        if self.prefix == V2:
            result.update(reference)
        else:
            result["allOf"] = [reference]

    def _custom_value(self, item: CustomSchema) -> Object:
        resource = item.resource
        v2 = self.prefix == V2
        if v2 and custom.is_open(item.schema):
            value: Object = {"type": "object"}
        else:
            schema = custom.plain(item.schema) if v2 else item.schema
            value = custom.with_embedded(schema, self._object_fields(), v2=v2)
            value["properties"] = {**(value.get("properties") or {}), **self._object_fields()}
        value["x-kubernetes-group-version-kind"] = [_gvk(resource, resource.kind)]
        return value

    def _object_fields(self) -> Object:
        meta = {"$ref": f"{self.prefix}{builtin.OBJECT_META}"}
        described = {"description": "Standard object's metadata."}
        return {
            "apiVersion": {"type": "string", "description": "The versioned schema of this object."},
            "kind": {"type": "string", "description": "The kind of resource this object represents."},
            "metadata": {**meta, **described} if self.prefix == V2 else {"allOf": [meta], **described},
        }

    def _custom_list(self, item: CustomSchema) -> Object:
        resource = item.resource
        return {
            "type": "object",
            "description": f"{resource.list_kind} is a list of {resource.kind}",
            "required": ["items"],
            "properties": {
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": {"$ref": f"{self.prefix}{LIST_META}"},
                "items": {"type": "array", "items": {"$ref": f"{self.prefix}{custom_name(resource)}"}},
            },
            "x-kubernetes-group-version-kind": [_gvk(resource, resource.list_kind)],
        }


def _gvk(resource: Resource, kind: str) -> Object:
    return {"group": resource.group, "version": resource.version, "kind": kind}
