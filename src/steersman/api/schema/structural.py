"""Custom resources: defaults from their structural schema, and validation against it.

Works on the `openAPIV3Schema` value itself, which must be structural (the CustomResourceDefinition's own
validation sees to that). Texts follow what kube-openapi's validator and apiextensions answer with:

    spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"

Order for a write: `prune` (unknown fields), `default`, then `validate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api import fields
from steersman.api.schema.formats import FORMATS
from steersman.api.types import copied

if TYPE_CHECKING:
    from steersman.api.fields import FieldError

Value = Mapping[str, Any]
"""A schema value."""


def default(schema: Value, value: Any) -> None:
    """Fill in defaults, in place. A null that is not allowed gives way to the default, or goes."""
    if isinstance(value, dict):
        _default_members(schema, value)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for item in value:
            default(schema["items"], item)


def _default_members(schema: Value, value: dict[str, Any]) -> None:
    properties: Value = schema.get("properties") or {}
    for name, child in properties.items():
        if value.get(name, value) is None and not child.get("nullable"):
            del value[name]
        if name not in value and "default" in child:
            value[name] = copied(child["default"])
    other = schema.get("additionalProperties")
    for name, item in value.items():
        child = properties.get(name, other)
        if isinstance(child, Mapping):
            default(child, item)


def validate(schema: Value, value: Any, path: str = "") -> list[FieldError]:
    """Every way in which a value breaks its schema; `path` is where it stands in the object."""
    if value is None:
        return [] if schema.get("nullable") else _wrong_type(schema, value, path)
    found = _check_type(schema, value, path)
    if found:
        return found
    found += _check_enum(schema, value, path)
    if isinstance(value, dict):
        found += _check_object(schema, value, path)
    elif isinstance(value, list):
        found += _check_list(schema, value, path)
    elif isinstance(value, str):
        found += _check_string(schema, value, path)
    elif not isinstance(value, bool):
        found += _check_number(schema, value, path)
    return found + _check_junctors(schema, value, path)


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def _check_type(schema: Value, value: Any, path: str) -> list[FieldError]:
    actual, wanted = _json_type(value), schema.get("type")
    if schema.get("x-kubernetes-int-or-string"):
        return [] if actual in ("integer", "string") else _wrong_type(schema, value, path)
    if not wanted or actual == wanted or (wanted == "number" and actual == "integer"):
        return []
    return _wrong_type(schema, value, path)


def _wrong_type(schema: Value, value: Any, path: str) -> list[FieldError]:
    wanted = "integer,string" if schema.get("x-kubernetes-int-or-string") else schema.get("type", "")
    if not wanted:
        return []
    actual = _json_type(value)
    text = f'{path} in body must be of type {wanted}: "{actual}"'
    return [fields.type_invalid(path, actual, text)]


def _check_enum(schema: Value, value: Any, path: str) -> list[FieldError]:
    allowed = schema.get("enum")
    if allowed is None or any(value == item and _json_type(value) == _json_type(item) for item in allowed):
        return []
    texts = [item if isinstance(item, str) else orjson.dumps(item).decode() for item in allowed]
    listed = ", ".join(map(fields.quote, texts))  # in the order of the schema
    return [fields.FieldError(fields.NOT_SUPPORTED, path, value, f"supported values: {listed}")]


def _check_object(schema: Value, value: dict[str, Any], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for name in schema.get("required") or ():
        if name not in value:
            found.append(fields.required(_below(path, name)))
    most, least = schema.get("maxProperties"), schema.get("minProperties")
    if most is not None and len(value) > most:
        found.append(fields.too_many(path, len(value), most))
    if least is not None and len(value) < least:
        found.append(fields.invalid(path, value, f"{path} in body should have at least {least} properties"))
    properties: Value = schema.get("properties") or {}
    other = schema.get("additionalProperties")
    for name, item in value.items():
        child = properties.get(name, other)
        if isinstance(child, Mapping):
            found += validate(child, item, _below(path, name))
    return found


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _check_list(schema: Value, value: list[Any], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    most, least = schema.get("maxItems"), schema.get("minItems")
    if most is not None and len(value) > most:
        found.append(fields.too_many(path, len(value), most))
    if least is not None and len(value) < least:
        found.append(fields.invalid(path, value, f"{path} in body should have at least {least} items"))
    found += _check_unique(schema, value, path)
    items = schema.get("items")
    if isinstance(items, Mapping):
        for i, item in enumerate(value):
            found += validate(items, item, f"{path}[{i}]")
    return found


def _check_unique(schema: Value, value: list[Any], path: str) -> list[FieldError]:
    list_type = schema.get("x-kubernetes-list-type")
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    if list_type not in ("set", "map"):
        return []
    found: list[FieldError] = []
    seen: set[bytes] = set()
    for i, item in enumerate(value):
        what = item
        if list_type == "map":
            if not isinstance(item, dict):
                continue
            what = {key: item[key] for key in keys if key in item}
        mark = orjson.dumps(what, option=orjson.OPT_SORT_KEYS)
        if mark in seen:
            found.append(fields.duplicate(f"{path}[{i}]", what))
        seen.add(mark)
    return found


def _check_string(schema: Value, value: str, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    most, least = schema.get("maxLength"), schema.get("minLength")
    if most is not None and len(value) > most:
        found.append(fields.too_long(path, value, most))
    if least is not None and len(value) < least:
        found.append(fields.invalid(path, value, f"{path} in body should be at least {least} chars long"))
    pattern = schema.get("pattern")
    if pattern and not compiled(pattern).search(value):
        found.append(fields.invalid(path, value, f"{path} in body should match '{pattern}'"))
    format_ = schema.get("format")
    fits = FORMATS.get(format_ or "")
    if fits is not None and not fits(value):
        text = f"{path} in body must be of type {format_}: {fields.quote(value)}"
        found.append(fields.invalid(path, value, text))
    return found


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """A schema's pattern, compiled in the dialect of the API (RE2, linear in the text).

    Raises: ValueError for one that is no regular expression: definitions are checked for that.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        raise ValueError(error.args[0].decode(errors="replace")) from None


def _check_number(schema: Value, value: float, path: str) -> list[FieldError]:
    found: list[str] = []
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        if schema.get("exclusiveMinimum"):
            if value <= low:
                found.append(f"greater than {low}")
        elif value < low:
            found.append(f"greater than or equal to {low}")
    if high is not None:
        if schema.get("exclusiveMaximum"):
            if value >= high:
                found.append(f"less than {high}")
        elif value > high:
            found.append(f"less than or equal to {high}")
    step = schema.get("multipleOf")
    if step and value % step:
        found.append(f"a multiple of {step}")
    bits = {"int32": 31, "int64": 63}.get(schema.get("format") or "")
    if bits and not -(1 << bits) <= value < 1 << bits:
        found.append(f"an {schema['format']}")
    return [fields.invalid(path, value, f"{path} in body should be {text}") for text in found]


def _check_junctors(schema: Value, value: Any, path: str) -> list[FieldError]:
    """allOf, anyOf, oneOf and not: their members only ever add rules to a structural schema."""
    found: list[FieldError] = []

    def passing(members: list[Value]) -> int:
        return sum(not validate(member, value, path) for member in members)

    def complain(text: str) -> None:
        found.append(fields.invalid(path, value, f'"{path}" {text}'))

    for member in schema.get("allOf") or ():
        found += validate(member, value, path)
    if schema.get("anyOf") and not passing(schema["anyOf"]):
        complain("must validate at least one schema (anyOf)")
    if schema.get("oneOf"):
        count = passing(schema["oneOf"])
        if count != 1:
            outcome = "Found none valid" if not count else f"Found {count} valid alternatives"
            complain(f"must validate one and only one schema (oneOf). {outcome}")
    if schema.get("not") and passing([schema["not"]]):
        complain("must not validate the schema (not)")
    return found
