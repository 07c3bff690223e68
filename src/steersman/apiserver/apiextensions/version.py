"""One version of a CustomResourceDefinition: its row in the table of kinds and what its schema says.

`served(definition)` gives what a definition adds to the API. Schemas are kept as encoded JSON and taken apart
when they are first needed: a cluster has hundreds of definitions and uses few of them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api import jsonpath, meta
from steersman.api.resource import MODIFY, Resource, Subresource
from steersman.api.schema import custom_schema
from steersman.api.tables.custom import custom_table

if TYPE_CHECKING:
    from steersman.api.cel.rules import Rules
    from steersman.api.jsonpath import JSONPath
    from steersman.api.schema import Schema
    from steersman.api.tables.columns import Table
    from steersman.api.types import Object

log = logging.getLogger("steersman.apiserver.apiextensions")
WITHOUT_SCHEMA: Object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
"""The schema of a version that has none: anything goes."""


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where the scale sub-resource finds its values, as names from the root of the object."""

    spec_replicas: tuple[str, ...]
    status_replicas: tuple[str, ...]
    selector: tuple[str, ...]
    """Empty when objects have no selector."""


@dataclass(frozen=True)
class CustomVersion:
    """What one served version is made of; never changes."""

    resource: Resource
    raw: bytes = field(repr=False)
    """The `openAPIV3Schema`, encoded."""
    columns: tuple[Object, ...]
    selectable: tuple[JSONPath, ...]
    scale: ScalePaths | None
    deprecation: str
    """The text of a Warning header for every request; empty for none."""

    @cached_property
    def openapi(self) -> Object:
        """The `openAPIV3Schema`; shared, not to be changed."""
        value: Object = orjson.loads(self.raw)
        return value

    @cached_property
    def schema(self) -> Schema:
        """The compiled schema of whole objects."""
        return custom_schema(self.openapi)

    @cached_property
    def table(self) -> Table:
        """How objects are printed: by name and age when a column's path is not understood."""
        try:
            return custom_table(self.columns)
        except ValueError as error:
            log.warning("%s is printed without its columns: %s", self.resource, error)
            return custom_table(())

    @cached_property
    def rules(self) -> Rules | None:
        """The CEL rules of the schema; None when it has none, so that nothing of CEL is loaded."""
        if b"x-kubernetes-validations" not in self.raw:
            return None
        from steersman.api.cel.rules import Rules

        return Rules(self.openapi)

    @cached_property
    def has_embedded(self) -> bool:
        """Whether some field holds a whole object of another kind."""
        return b"x-kubernetes-embedded-resource" in self.raw

    @cached_property
    def metadata_rules(self) -> bool:
        """Whether the schema restricts the object's own metadata."""
        return "metadata" in (self.openapi.get("properties") or {})


def established(definition: Object) -> bool:
    """Say whether a definition's resources are served."""
    condition = meta.get_condition(definition, "Established")
    return condition is not None and condition.get("status") == "True"


def terminating(definition: Object) -> bool:
    """Say whether a definition is on its way out, so that nothing may be created any more."""
    condition = meta.get_condition(definition, "Terminating")
    return condition is not None and condition.get("status") == "True"


def storage_version(definition: Object) -> str:
    """Return the name of the version objects are stored in."""
    for version in definition["spec"]["versions"]:
        if version.get("storage"):
            return str(version["name"])
    return str(definition["spec"]["versions"][0]["name"])


def served(definition: Object) -> list[CustomVersion]:
    """Return the versions of a definition that are served, in its order."""
    spec = definition["spec"]
    return [_version(definition, version) for version in spec["versions"] if version.get("served")]


def stored(definition: Object) -> Resource:
    """Return the row of the storage version, served or not."""
    wanted = storage_version(definition)
    version = next(version for version in definition["spec"]["versions"] if version["name"] == wanted)
    return _resource(definition, version)


def _version(definition: Object, version: Object) -> CustomVersion:
    schema = (version.get("schema") or {}).get("openAPIV3Schema") or WITHOUT_SCHEMA
    selectable = tuple(
        jsonpath.compile_path(entry["jsonPath"]) for entry in version.get("selectableFields") or ()
    )
    scale = (version.get("subresources") or {}).get("scale")
    return CustomVersion(
        resource=_resource(definition, version),
        raw=orjson.dumps(schema),
        columns=tuple(version.get("additionalPrinterColumns") or ()),
        selectable=selectable,
        scale=_scale(scale) if scale is not None else None,
        deprecation=_deprecation(definition, version),
    )


def _resource(definition: Object, version: Object) -> Resource:
    spec = definition["spec"]
    names = (definition.get("status") or {}).get("acceptedNames") or {}
    if not names.get("plural"):
        names = spec["names"]
    subresources = version.get("subresources") or {}
    rows: list[Subresource] = []
    if "status" in subresources:
        rows.append(Subresource("status", names["kind"], MODIFY))
    if "scale" in subresources:
        rows.append(Subresource("scale", "Scale", MODIFY, "autoscaling", "v1"))
    return Resource(
        group=spec["group"],
        version=version["name"],
        kind=names["kind"],
        plural=names["plural"],
        singular=names.get("singular") or names["kind"].lower(),
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=tuple(rows),
        stored_group=spec["group"],
        stored_version=storage_version(definition),
        custom=True,
        list_kind=names.get("listKind") or f"{names['kind']}List",
    )


def _scale(scale: Object) -> ScalePaths:
    return ScalePaths(
        _names(scale["specReplicasPath"]),
        _names(scale["statusReplicasPath"]),
        _names(scale.get("labelSelectorPath") or ""),
    )


def _names(path: str) -> tuple[str, ...]:
    """`.spec.replicas` -> `("spec", "replicas")`."""
    return tuple(part for part in path.split(".") if part)


def _deprecation(definition: Object, version: Object) -> str:
    if not version.get("deprecated"):
        return ""
    group, kind = definition["spec"]["group"], definition["spec"]["names"]["kind"]
    return version.get("deprecationWarning") or f"{group}/{version['name']} {kind} is deprecated"


def value_at(obj: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path of names, None when it is not there."""
    for name in path:
        if not isinstance(obj, dict):
            return None
        obj = obj.get(name)
    return obj
