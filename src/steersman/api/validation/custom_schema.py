"""The schemas of CustomResourceDefinitions: what a schema may say, node by node, and its defaults.

    validate_schema   everything that can be said without the expression compiler, then the CEL rules
    at                the part of a schema that a path like `.spec.replicas` leads to

CEL is loaded only for schemas that have rules. Source: k8s apiextensions-apiserver
pkg/apis/apiextensions/validation/validation.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api import fields
from steersman.api.schema import compile_schema, prune, structural
from steersman.api.types import copied
from steersman.api.validation.structural_schema import validate_structural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.fields import FieldError, Path
    from steersman.api.types import Object

TYPES = ("array", "boolean", "integer", "number", "object", "string")
REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_LIST, _KEYS, _MAP = "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"
_RULES = "x-kubernetes-validations"
_UNSUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
_TYPE_META = ("metadata", "kind", "apiVersion")
_AT_ROOT = frozenset(
    "description type format title maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength "
    "pattern maxItems minItems uniqueItems multipleOf required items properties externalDocs example "
    f"x-kubernetes-preserve-unknown-fields {_RULES}".split()
)
_LINE_BREAK = re.compile(r"[\n\r]")
_STEP = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<quote>['\"])(?P<key>.*?)(?P=quote)\]")


@dataclass(frozen=True, slots=True)
class _Place:
    """What a node's place allows."""

    root: bool = False
    no_default: str = ""
    """Why no default is allowed here."""
    in_meta: bool = False


def validate_schema(path: Path, schema: Object, *, has_status: bool) -> list[FieldError]:
    """Return everything that is wrong with the `openAPIV3Schema` of a version."""
    found = [*_root(path, schema, has_status)]
    found += validate_structural(path, schema)
    if not found:
        found += _defaults(path, schema)
    found += _node(path, schema, _Place(root=True))
    if not found and _RULES.encode() in orjson.dumps(schema):
        from steersman.api.cel.definition import validate_rules

        found += validate_rules(path, schema)
    return found


def at(schema: Object, path: str) -> Object | None:
    """Return the schema of the field that `.spec.foo` or `.spec['a.b']` names, None when there is none."""
    position = 0
    node: Any = schema
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None or not isinstance(node, dict):
            return None
        name = match["name"] or match["key"]
        other = node.get("additionalProperties")
        node = (node.get("properties") or {}).get(name) or (other if isinstance(other, dict) else None)
        if node is None:
            return None
        position = match.end()
    return node if isinstance(node, dict) else None


def _root(path: Path, schema: Object, has_status: bool) -> Iterator[FieldError]:
    if schema.get("nullable"):
        yield fields.forbidden(path.child("nullable"), "nullable cannot be true at the root")
    if not has_status:
        return
    extra = sorted(name for name, value in schema.items() if name not in _AT_ROOT and value)
    if schema.get("type") not in (None, "object"):
        text = (
            'only "object" is allowed as the type at the root of the schema if the status subresource is '
            "enabled"
        )
        yield fields.invalid(path.child("type"), schema["type"], text)
    elif extra:
        text = (
            f"only {' '.join(sorted(_AT_ROOT))} are allowed at the root of the schema if the status "
            f"subresource is enabled, not {', '.join(extra)}"
        )
        yield fields.forbidden(path, text)


# --- defaults


def _defaults(path: Path, schema: Object) -> Iterator[FieldError]:
    if "default" in schema and schema["default"] is not None:
        yield from _default(path.child("default"), schema)
    for name, child in (schema.get("properties") or {}).items():
        yield from _defaults(path.child("properties").key(name), child)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _defaults(path.child(name), schema[name])


def _default(path: Path, schema: Object) -> Iterator[FieldError]:
    value = copied(schema["default"])
    unknown = prune(compile_schema(schema), value, root=False)
    if unknown:
        text = f"must not have unknown fields: {', '.join(unknown)}"
        yield fields.invalid(path, schema["default"], text)
        return
    structural.default(schema, value)
    yield from structural.validate(schema, value, str(path))


# --- node by node


def _node(path: Path, schema: Object, place: _Place) -> Iterator[FieldError]:
    yield from _keywords(path, schema, place)
    yield from _lists(path, schema)
    yield from _rule_texts(path, schema)
    other = schema.get("additionalProperties")
    if other is not None and schema.get("properties") and other is not True:
        text = "additionalProperties and properties are mutual exclusive"
        yield fields.forbidden(path.child("additionalProperties"), text)
    below = replace(place, root=False)
    if isinstance(other, dict):
        why = "inside additionalProperties applying to object metadata" if place.in_meta else place.no_default
        yield from _node(path.child("additionalProperties"), other, replace(below, no_default=why))
    for name, child in (schema.get("properties") or {}).items():
        inner = below
        if name in _TYPE_META and (place.root or schema.get("x-kubernetes-embedded-resource")):
            why = f"in top-level {name}" if place.root else place.no_default
            inner = replace(below, in_meta=True, no_default=why)
        yield from _node(path.child("properties").key(name), child, inner)
    if isinstance(schema.get("items"), dict):
        yield from _node(path.child("items"), schema["items"], below)
    for name in ("allOf", "oneOf", "anyOf"):
        for index, member in enumerate(schema.get(name) or ()):
            yield from _node(path.child(name).index(index), member, below)
    if schema.get("not"):
        yield from _node(path.child("not"), schema["not"], below)


def _keywords(path: Path, schema: Object, place: _Place) -> Iterator[FieldError]:
    type_ = schema.get("type") or ""
    if type_ == "null":
        text = "type cannot be set to null, use nullable as an alternative"
        yield fields.forbidden(path.child("type"), text)
    if type_ and type_ not in TYPES:
        yield fields.not_supported(path.child("type"), type_, TYPES)
    if schema.get("default") is not None and place.no_default:
        yield fields.forbidden(path.child("default"), f"must not be set {place.no_default}")
    for name in _UNSUPPORTED:
        if schema.get(name):
            yield fields.forbidden(path.child(name), f"{name} is not supported")
    if isinstance(schema.get("items"), list):
        yield fields.forbidden(path.child("items"), "items must be a schema object and not an array")
    if place.in_meta and schema.get("x-kubernetes-embedded-resource"):
        text = "must not be used inside of resource meta"
        yield fields.forbidden(path.child("x-kubernetes-embedded-resource"), text)
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield fields.forbidden(path.child("uniqueItems"), text)
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        here = path.child("x-kubernetes-preserve-unknown-fields")
        yield fields.invalid(here, False, "must be true or undefined")


def _lists(path: Path, schema: Object) -> Iterator[FieldError]:
    type_, list_type, map_type = schema.get("type") or "", schema.get(_LIST), schema.get(_MAP)
    yield from _of_type(path, type_, "object", _MAP, map_type, ("atomic", "granular"))
    yield from _of_type(path, type_, "array", _LIST, list_type, ("atomic", "map", "set"))
    items: Any = schema.get("items")
    keys = schema.get(_KEYS) or []
    if keys and list_type != "map":
        text = f"must be map if {_KEYS} is non-empty"
        here = path.child(_LIST)
        yield fields.invalid(here, list_type, text) if list_type else fields.required(here, text)
    if list_type == "set" and isinstance(items, dict):
        yield from _set_items(path.child("items"), items)
    if list_type in ("set", "map") and isinstance(items, dict) and items.get("nullable"):
        text = f"cannot be nullable when {_LIST} is {list_type}"
        yield fields.forbidden(path.child("items", "nullable"), text)
    if list_type == "map":
        yield from _map_items(path, items, keys)


def _of_type(
    path: Path, type_: str, wanted: str, name: str, value: Any, allowed: tuple[str, ...]
) -> Iterator[FieldError]:
    if value is None:
        return
    text = f"must be {wanted} if {name} is specified"
    if not type_:
        yield fields.required(path.child("type"), text)
    elif type_ != wanted:
        yield fields.invalid(path.child("type"), type_, text)
    if value not in allowed:
        yield fields.not_supported(path.child(name), value, allowed)


def _set_items(path: Path, items: Object) -> Iterator[FieldError]:
    text = f"must be atomic as item of a list with {_LIST}=set"
    if items.get("type") == "array" and items.get(_LIST, "atomic") != "atomic":
        yield fields.invalid(path.child(_LIST), items.get(_LIST), text)
    if items.get("type") == "object" and items.get(_MAP) != "atomic":
        yield fields.invalid(path.child(_MAP), items.get(_MAP), text)


def _map_items(path: Path, items: Any, keys: list[str]) -> Iterator[FieldError]:
    where = path.child("items")
    if not keys:
        yield fields.required(path.child(_KEYS), f"must not be empty if {_LIST} is map")
    if not isinstance(items, dict):
        yield fields.required(where, f"must have a schema if {_LIST} is map")
        return
    if items.get("type") != "object":
        text = f"must be object if parent array's {_LIST} is map"
        yield fields.invalid(where.child("type"), items.get("type", ""), text)
    properties: Object = items.get("properties") or {}
    if set(keys) - set(properties):
        yield fields.invalid(path.child(_KEYS), keys, "entries must all be names of item properties")
    if len(set(keys)) != len(keys):
        yield fields.invalid(path.child(_KEYS), keys, "must not contain duplicate entries")
    required = items.get("required") or ()
    for key in keys:
        child, here = properties.get(key), where.child("properties").key(key)
        if child is None:
            continue
        if child.get("type") in ("array", "object"):
            text = f"must be a scalar type if parent array's {_LIST} is map"
            yield fields.invalid(here.child("type"), child["type"], text)
        if child.get("default") is None and key not in required:
            text = f"this property is in {_KEYS}, so it must have a default or be a required property"
            yield fields.required(here.child("default"), text)
        if child.get("nullable"):
            yield fields.forbidden(
                here.child("nullable"), f"this property is in {_KEYS}, so it cannot be nullable"
            )


def _rule_texts(path: Path, schema: Object) -> Iterator[FieldError]:
    """What can be said of CEL rules without compiling them."""
    for index, rule in enumerate(schema.get(_RULES) or ()):
        here = path.child(_RULES).index(index)
        text, message = (rule.get("rule") or "").strip(), rule.get("message") or ""
        if not text:
            yield fields.required(here.child("rule"), "rule is not specified")
        elif message and not message.strip():
            yield fields.invalid(here.child("message"), message, "must be non-empty if specified")
        elif _LINE_BREAK.search(message.strip()):
            yield fields.invalid(here.child("message"), message, "must not contain line breaks")
        elif _LINE_BREAK.search(text) and not message.strip():
            why = "message must be specified if rule contains line breaks"
            yield fields.required(here.child("message"), why)
        expression = rule.get("messageExpression") or ""
        if expression and not expression.strip():
            why = "messageExpression must be non-empty if specified"
            yield fields.required(here.child("messageExpression"), why)
        reason = rule.get("reason")
        if reason is not None and reason not in REASONS:
            yield fields.not_supported(here.child("reason"), reason, REASONS)
        yield from _rule_path(here.child("fieldPath"), schema, rule.get("fieldPath") or "")


def _rule_path(here: Path, schema: Object, wanted: str) -> Iterator[FieldError]:
    if not wanted:
        return
    if not wanted.strip():
        yield fields.invalid(here, wanted, "must be non-empty if specified")
    if _LINE_BREAK.search(wanted):
        yield fields.invalid(here, wanted, "must not contain line breaks")
    if at(schema, wanted) is None:
        yield fields.invalid(here, wanted, "must be a valid path")
