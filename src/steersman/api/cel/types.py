"""Schemas as types of the expression checker.

An object with properties becomes a message, so that `self.spec.replicaz` is an error of the expression and
not of some later object; everything else has a type of its own in CEL. Where protocol buffers cannot say a
type (a list of lists inside a message), its inside is `dyn`. Source: k8s apiserver pkg/cel/common/schemas.go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2

from steersman.api.cel.functions.messages import new_pool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor_pool import DescriptorPool

    Value = Mapping[str, Any]

PACKAGE = "object"
_FIELD = descriptor_pb2.FieldDescriptorProto
_MESSAGE = _FIELD.TYPE_MESSAGE
_RESERVED = {"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function"} | {
    *("if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while")
}
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))
_SCALARS = {
    "string": (_FIELD.TYPE_STRING, "string"),
    "integer": (_FIELD.TYPE_INT64, "int"),
    "number": (_FIELD.TYPE_DOUBLE, "double"),
    "boolean": (_FIELD.TYPE_BOOL, "bool"),
}
_WRAPPERS = {
    "string": "StringValue",
    "integer": "Int64Value",
    "number": "DoubleValue",
    "boolean": "BoolValue",
}
_FORMATS = {"date": "timestamp", "date-time": "timestamp", "duration": "duration", "byte": "bytes"}
_WELL_KNOWN = {
    "dyn": "google.protobuf.Value",
    "timestamp": "google.protobuf.Timestamp",
    "duration": "google.protobuf.Duration",
}
TYPE_META: Value = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}},
    },
}
"""What rules at the root and in embedded objects may always see."""


def escaped(name: str) -> str:
    """Return the name of a property in expressions, empty when it has none."""
    if name in _RESERVED:
        return f"__{name}__"
    for plain, escape in _ESCAPES:
        name = name.replace(plain, escape)
    return name if _IDENTIFIER.fullmatch(name) else ""


def properties_of(schema: Value, *, root: bool = False) -> Value:
    """Return the properties rules see: those of the schema, and what every whole object has."""
    own: Value = schema.get("properties") or {}
    if root or schema.get("x-kubernetes-embedded-resource"):
        return {**own, **TYPE_META}
    return own


class Types:
    """Collects the messages of one schema; `pool` is complete when all types have been asked for."""

    def __init__(self) -> None:
        self._file = descriptor_pb2.FileDescriptorProto(
            name="object.proto",
            package=PACKAGE,
            syntax="proto2",  # version 3 refuses fields whose names differ in their spelling only
            dependency=[
                "google/protobuf/timestamp.proto",
                "google/protobuf/duration.proto",
                "google/protobuf/struct.proto",
                "google/protobuf/wrappers.proto",
            ],
        )

    def pool(self) -> DescriptorPool:
        """Return a pool with the messages asked for so far."""
        pool = new_pool()
        pool.Add(self._file)
        return pool

    def of(self, schema: Value, *, root: bool = False) -> str:
        """Return the type of values of a schema, in CEL's notation; `dyn` when nothing is known."""
        type_ = schema.get("type")
        if schema.get("x-kubernetes-int-or-string"):
            return "dyn"
        if type_ == "array":
            return f"list<{self.of(schema.get('items') or {})}>"
        if type_ == "object":
            other = schema.get("additionalProperties")
            if isinstance(other, dict):
                return f"map<string,{self.of(other)}>"
            return self._message(schema, root)
        if type_ == "string" and schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        return _SCALARS[type_][1] if type_ in _SCALARS else "dyn"

    def _message(self, schema: Value, root: bool) -> str:
        message = self._file.message_type.add(name=f"T{len(self._file.message_type)}")
        message.options.deprecated_legacy_json_field_conflicts = True
        seen = {escaped(name): child for name, child in properties_of(schema, root=root).items()}
        seen.pop("", None)
        taken = set(seen)
        for number, (name, child) in enumerate(seen.items(), 1):
            if child.get("type") or child.get("x-kubernetes-int-or-string"):
                self._field(message, name, number, child, taken)
        return f"{PACKAGE}.{message.name}"

    def _field(self, message: Any, name: str, number: int, schema: Value, taken: set[str]) -> None:
        other = schema.get("additionalProperties")
        label = _FIELD.LABEL_OPTIONAL
        if schema.get("type") == "array":
            label, schema = _FIELD.LABEL_REPEATED, schema.get("items") or {}
        elif schema.get("type") == "object" and isinstance(other, dict) and _entry_name(name) not in taken:
            taken.add(_entry_name(name))
            entry = message.nested_type.add(name=_entry_name(name))
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, type=_FIELD.TYPE_STRING, label=_FIELD.LABEL_OPTIONAL)
            type_, full = self._single(other)
            entry.field.add(name="value", number=2, type=type_, type_name=full or None, label=label)
            place = f".{PACKAGE}.{message.name}.{entry.name}"
            field = {"type": _MESSAGE, "type_name": place, "label": _FIELD.LABEL_REPEATED}
            message.field.add(name=name, number=number, json_name=name, **field)
            return
        type_, full = self._single(schema)
        message.field.add(
            name=name, number=number, json_name=name, type=type_, type_name=full or None, label=label
        )

    def _single(self, schema: Value) -> tuple[Any, str]:
        """Return the protocol buffer type of one value inside a message, and a message's name."""
        type_ = schema.get("type") or ""
        if schema.get("nullable") and type_ in _WRAPPERS and schema.get("format") not in _FORMATS:
            return _MESSAGE, f".google.protobuf.{_WRAPPERS[type_]}"
        if type_ == "array":
            return _MESSAGE, ".google.protobuf.ListValue"
        if type_ == "object" and isinstance(schema.get("additionalProperties"), dict):
            return _MESSAGE, ".google.protobuf.Struct"
        known = self.of(schema)
        if known == "bytes":
            return _FIELD.TYPE_BYTES, ""
        if type_ in _SCALARS and known == _SCALARS[type_][1]:
            return _SCALARS[type_][0], ""
        return _MESSAGE, f".{_WELL_KNOWN.get(known, known)}"


def _entry_name(name: str) -> str:
    """`node_selector` -> `NodeSelectorEntry`: how the entries of a map field must be called."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_")) + "Entry"
