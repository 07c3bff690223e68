"""The schemas of the built-in kinds, read from the data the build compiled and compiled further on first use.

Reading costs about a millisecond and less than a megabyte: types stay JSON texts until somebody asks for
them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api.schema.model import FREE, STRING, Compiler, Schema, compile_schema

DATA = Path(__file__).parent / "data"
"""Where the build put what it compiled."""
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

if TYPE_CHECKING:
    from steersman.api.resource import Resource


class _Types:
    """The compiled data: names of kinds, schema values of types."""

    def __init__(self) -> None:
        data = _read("types.json")
        self.kinds: dict[str, str] = data["kinds"]
        self._texts: dict[str, str] = data["types"]
        self.compiler = Compiler(self.value)

    def value(self, name: str) -> dict[str, Any]:
        """The schema value of one type, parsed anew (the caller owns it)."""
        found: dict[str, Any] = orjson.loads(self._texts[name])
        return found

    def names(self) -> list[str]:
        return list(self._texts)


def _read(file: str) -> Any:
    path = DATA / file
    try:
        return orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise RuntimeError(
            f"{path} is missing: install the package (its build writes the schemas)"
        ) from error


@cache
def types() -> _Types:
    """The data, read once."""
    return _Types()


@cache
def schema_of(group: str, version: str, kind: str) -> Schema:
    """The schema of a built-in kind; free JSON when there is none of that name."""
    name = type_name(group, version, kind)
    return types().compiler.named(name) if name else FREE


def type_name(group: str, version: str, kind: str) -> str:
    """The name of a kind's definition (`io.k8s.api.apps.v1.Deployment`); empty when unknown."""
    return types().kinds.get(f"{group}/{version}/{kind}", "")


def schema_named(name: str) -> Schema:
    """The schema of a definition by its name. Raises KeyError."""
    return types().compiler.named(name)


def schema_for(resource: Resource, subresource: str = "") -> Schema:
    """The schema of a built-in resource's objects, or of the objects a sub-resource takes."""
    if subresource:
        row = resource.subresource(subresource)
        if row is not None and row.version:
            return schema_of(row.group, row.version, row.kind)
    return schema_of(resource.group, resource.version, resource.kind)


def custom_schema(value: dict[str, Any]) -> Schema:
    """The schema of a custom resource's objects from its `openAPIV3Schema`, with what every object has."""
    compiled = compile_schema(value)
    compiled.fields["apiVersion"] = compiled.fields["kind"] = Schema(STRING)
    compiled.fields["metadata"] = schema_named(OBJECT_META)
    return compiled


def descriptions() -> dict[str, str]:
    """The prose of every type: definition name -> JSON text of `{"": of the type, "<field>": of the field}`.

    A megabyte: read it, use it, drop it.
    """
    found: dict[str, str] = _read("descriptions.json")
    return found
