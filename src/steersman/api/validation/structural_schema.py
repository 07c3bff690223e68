"""Is a schema structural: does every part of an object have one place in it that gives its type?

Only structural schemas allow pruning and defaulting. The logical junctors (`allOf`, `anyOf`, `oneOf`, `not`)
may restrict values but not introduce types. Source: the CustomResourceDefinition documentation, "Specifying a
structural schema"; k8s apiextensions-apiserver pkg/apiserver/schema/validation.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from steersman.api import fields
from steersman.api.fields import Path
from steersman.api.schema.structural import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from steersman.api.fields import FieldError
    from steersman.api.types import Object

    Value = Mapping[str, Any]

ROOT: Final = "at the root"
FIELD: Final = "for specified object fields"
ITEM: Final = "for specified array items"

_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_PRESERVE, _EMBEDDED = "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"
_INT = "x-kubernetes-int-or-string"
_NOT_NESTED: dict[str, str] = {
    "additionalProperties": "must be undefined to be structural",
    "default": "must be undefined to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "nullable": "must be false to be structural",
    _PRESERVE: "must be false to be structural",
    _EMBEDDED: "must be false to be structural",
    _INT: "must be false to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-map-type": "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}
"""What junctors may not say."""


def violations(definition: Object) -> list[FieldError]:
    """Return what keeps the schemas of a CustomResourceDefinition from being structural."""
    found: list[FieldError] = []
    for index, version in enumerate((definition.get("spec") or {}).get("versions") or ()):
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema:
            where = Path("spec", "versions").index(index).child("schema", "openAPIV3Schema")
            found += validate_structural(where, schema)
    return found


def validate_structural(path: Path, schema: Value) -> list[FieldError]:
    """Return what keeps a schema from being structural, sorted by text."""
    found = [*_node(path, schema, ROOT), *_complete(path, schema, schema)]
    return sorted(set_of(found), key=str)


def set_of(errors: list[FieldError]) -> list[FieldError]:
    """Each error once, in order."""
    return list({str(error): error for error in errors}.values())


def _node(path: Path, schema: Value, level: str) -> Iterator[FieldError]:
    items, other = schema.get("items"), schema.get("additionalProperties")
    if schema.get("type") == "array" and not isinstance(items, dict):
        yield fields.required(path.child("items"), "must be specified")
    if isinstance(items, dict):
        yield from _node(path.child("items"), items, ITEM)
    for name, child in (schema.get("properties") or {}).items():
        yield from _node(path.child("properties").key(name), child, FIELD)
    if other is not None and other is not False:
        if level == ROOT:
            yield fields.forbidden(path.child("additionalProperties"), "must not be used at the root")
        if isinstance(other, dict):
            yield from _node(path.child("additionalProperties"), other, FIELD)
    yield from _extensions(path, schema)
    yield from _junctors(path, schema)
    yield from _type(path, schema, level)
    yield from _type_meta(path, schema, level)


def _extensions(path: Path, schema: Value) -> Iterator[FieldError]:
    if not schema.get(_INT):
        return
    for name in (_PRESERVE, _EMBEDDED):
        if schema.get(name):
            yield fields.invalid(path.child(name), True, f"must be false if {_INT} is true")


def _type(path: Path, schema: Value, level: str) -> Iterator[FieldError]:
    type_ = schema.get("type") or ""
    here = path.child("type")
    if schema.get(_EMBEDDED):
        text = f"must be object if {_EMBEDDED} is true"
        if not type_:
            yield fields.required(here, text)
        elif type_ != "object":
            yield fields.invalid(here, type_, text)
        if schema.get("additionalProperties") is not None:
            text = f"must not be used if {_EMBEDDED} is set"
            yield fields.forbidden(path.child("additionalProperties"), text)
        if not schema.get(_PRESERVE) and not schema.get("properties"):
            text = f"must not be empty if {_EMBEDDED} is true without {_PRESERVE}"
            yield fields.required(path.child("properties"), text)
    elif not type_ and not schema.get(_INT) and not schema.get(_PRESERVE):
        yield fields.required(here, f"must not be empty {level}")
    if level == ROOT and type_ and type_ != "object":
        yield fields.invalid(here, type_, "must be object at the root")


def _type_meta(path: Path, schema: Value, level: str) -> Iterator[FieldError]:
    """The schema may not contradict what every object has."""
    if level != ROOT and not schema.get(_EMBEDDED):
        return
    properties: Value = schema.get("properties") or {}
    below = path.child("properties")
    for name in ("kind", "apiVersion"):
        if name in properties and properties[name].get("type") != "string":
            yield fields.invalid(
                below.key(name).child("type"), properties[name].get("type", ""), "must be string"
            )
    metadata = properties.get("metadata")
    if metadata is None:
        return
    here = below.key("metadata")
    if metadata.get("type") != "object":
        yield fields.invalid(here.child("type"), metadata.get("type", ""), "must be object")
    said = set(metadata) - {"type", "default", "description", "properties"}
    if level == ROOT and (said or set(metadata.get("properties") or ()) - {"name", "generateName"}):
        text = (
            "must not specify anything other than name and generateName, but metadata is implicitly specified"
        )
        yield fields.forbidden(here, text)


def _junctors(path: Path, schema: Value) -> Iterator[FieldError]:
    plain = schema.get(_INT) and schema.get("anyOf") == _INT_OR_STRING
    for name in ("anyOf", "allOf", "oneOf"):
        for index, member in enumerate(schema.get(name) or ()):
            if name == "anyOf" and plain:
                continue
            first = name == "allOf" and index == 0 and bool(schema.get(_INT))
            yield from _nested(path.child(name).index(index), member, first)
    if schema.get("not"):
        yield from _nested(path.child("not"), schema["not"])
    pattern = schema.get("pattern")
    if pattern:
        try:
            compiled(pattern)
        except ValueError as error:
            text = f"must be a valid regular expression, but isn't: {error}"
            yield fields.invalid(path.child("pattern"), pattern, text)


def _nested(path: Path, schema: Value, int_or_string: bool = False) -> Iterator[FieldError]:
    """Below a junctor; `int_or_string` where `anyOf: [integer, string]` is allowed."""
    if schema.get("type"):
        yield fields.forbidden(path.child("type"), "must be empty to be structural")
    for name, text in _NOT_NESTED.items():
        if schema.get(name) or (name in ("additionalProperties", "default") and schema.get(name) is not None):
            yield fields.forbidden(path.child(name), text)
    properties: Value = schema.get("properties") or {}
    if "metadata" in properties:
        yield fields.forbidden(
            path.child("properties").key("metadata"), "must not be specified in a nested context"
        )
    for name, child in properties.items():
        yield from _nested(path.child("properties").key(name), child)
    if isinstance(schema.get("items"), dict):
        yield from _nested(path.child("items"), schema["items"])
    for name in ("anyOf", "allOf", "oneOf"):
        if name == "anyOf" and int_or_string and schema.get(name) == _INT_OR_STRING:
            continue
        for index, member in enumerate(schema.get(name) or ()):
            yield from _nested(path.child(name).index(index), member)
    if schema.get("not"):
        yield from _nested(path.child("not"), schema["not"])


def _complete(path: Path, schema: Value, full: Value | None) -> Iterator[FieldError]:
    """Every field a junctor speaks of must be specified outside of it as well."""
    for child_path, child in _children(path, schema):
        yield from _complete(child_path, child, child)
    for name in ("anyOf", "allOf", "oneOf"):
        for index, member in enumerate(schema.get(name) or ()):
            yield from _covered(path, path.child(name).index(index), member, full)
    if schema.get("not"):
        yield from _covered(path, path.child("not"), schema["not"], full)


def _children(path: Path, schema: Value) -> Iterator[tuple[Path, Value]]:
    for name, child in (schema.get("properties") or {}).items():
        yield path.child("properties").key(name), child
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield path.child(name), schema[name]


def _covered(outside: Path, inside: Path, member: Value, full: Value | None) -> Iterator[FieldError]:
    specified: Value = (full or {}).get("properties") or {}
    for name, child in (member.get("properties") or {}).items():
        there = specified.get(name) or _mapping((full or {}).get("additionalProperties"))
        if there is None:
            place = outside.child("properties").key(name)
            why = f"because it is defined in {inside.child('properties').key(name)}"
            yield fields.required(place, why)
        else:
            yield from _covered(
                outside.child("properties").key(name), inside.child("properties").key(name), child, there
            )
    if isinstance(member.get("items"), dict):
        there = _mapping((full or {}).get("items"))
        if there is None:
            yield fields.required(outside.child("items"), f"because it is defined in {inside.child('items')}")
        else:
            yield from _covered(outside.child("items"), inside.child("items"), member["items"], there)
    for name in ("anyOf", "allOf", "oneOf"):
        for index, nested in enumerate(member.get(name) or ()):
            yield from _covered(outside, inside.child(name).index(index), nested, full)
    if member.get("not"):
        yield from _covered(outside, inside.child("not"), member["not"], full)


def _mapping(value: Any) -> Value | None:
    return value if isinstance(value, dict) else None
