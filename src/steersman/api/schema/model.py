"""The compiled form of a schema: what decoding, patching, applying and pruning look up.

`compile_schema` turns an OpenAPI schema value into a graph of `Schema` nodes. Built-in types (with `$ref`s)
and the structural schemas of CustomResourceDefinitions take the same path; the values differ, the walkers do
not.

A node carries the facts of the place it stands in: an array property knows its list type and merge keys, a
property that refers to a struct shares the struct's fields but may have its own map type or patch strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

OBJECT = "object"
MAP = "map"
LIST = "list"
STRING = "string"
INT32 = "int32"
INT64 = "int64"
NUMBER = "number"
BOOL = "bool"
BYTES = "bytes"
TIME = "time"
MICRO_TIME = "microtime"
QUANTITY = "quantity"
INT_OR_STRING = "intstr"
ANY = "any"
"""Kinds of nodes. `any` is free JSON: it is neither looked into nor owned in parts."""

SCALARS = frozenset({STRING, INT32, INT64, NUMBER, BOOL, BYTES, TIME, MICRO_TIME, QUANTITY, INT_OR_STRING})

_SPECIAL_TYPES = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": QUANTITY,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": INT_OR_STRING,
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": TIME,
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": MICRO_TIME,
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": ANY,
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch": ANY,
    "io.k8s.apimachinery.pkg.runtime.RawExtension": ANY,
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": ANY,
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": ANY,
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": ANY,
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": ANY,
}
"""Types whose JSON form the published schemas do not describe."""

_SCALAR_FORMATS = {
    ("string", "byte"): BYTES,
    ("string", "date-time"): TIME,
    ("integer", "int32"): INT32,
    ("integer", None): INT64,
    ("integer", "int64"): INT64,
    ("number", None): NUMBER,
    ("boolean", None): BOOL,
}
_CRD_SCALARS = {"string": STRING, "integer": INT64, "number": NUMBER, "boolean": BOOL}

Resolve = Callable[[str], Mapping[str, Any]]
"""Gives the schema value of a referenced type."""


class Schema:
    """One node of a compiled schema. Read-only once compiled; shared freely."""

    __slots__ = (
        "always",
        "atomic",
        "base",
        "default",
        "embedded",
        "fields",
        "item",
        "keep_zero",
        "kind",
        "list_type",
        "map_keys",
        "merge_key",
        "name",
        "nullable",
        "preserve",
        "program",
        "required",
        "strategies",
    )

    def __init__(self, kind: str, name: str = "") -> None:
        self.kind = kind
        self.name = name
        """Go's name of a struct (`DeploymentSpec`), with its package as error texts show it (`v1.`)."""
        self.base: Schema = self
        """The node of the type itself, when this one only adds facts of the place."""
        self.fields: dict[str, Schema] = {}
        self.item: Schema | None = None
        """The element of a list or the value of a map."""
        self.required: frozenset[str] = frozenset()
        self.keep_zero: frozenset[str] = frozenset()
        self.always: tuple[str, ...] = ()
        self.list_type = "atomic"
        self.map_keys: tuple[str, ...] = ()
        self.atomic = False
        """A struct or map that is owned and replaced as a whole."""
        self.merge_key = ""
        self.strategies: frozenset[str] = frozenset()
        """Patch strategies: `merge`, `replace`, `retainKeys`."""
        self.preserve = False
        self.embedded = False
        self.nullable = False
        self.default: Any = None
        self.program: Any = None
        """What a walker compiled for this node (see `decode`)."""

    def child(self, key: str) -> Schema | None:
        """The node of a member: a field of a struct or any value of a map; None when unknown."""
        found = self.fields.get(key)
        if found is None and self.kind is MAP:
            return self.item
        return found

    @property
    def is_scalar(self) -> bool:
        return self.kind in SCALARS

    def __repr__(self) -> str:
        return f"<Schema {self.kind} {self.name}>"


FREE = Schema(ANY)
"""The schema of anything at all."""


class Compiler:
    """Compiles schema values and keeps the nodes of named types, so that recursion and sharing work."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._named: dict[str, Schema] = {}

    def named(self, name: str) -> Schema:
        """The node of a named type."""
        found = self._named.get(name)
        if found is not None:
            return found
        value = self._resolve(name)
        kind = _SPECIAL_TYPES.get(name) or _kind_of(value)
        node = self._named[name] = Schema(kind, _go_name(name))
        if kind not in SCALARS and kind is not ANY:
            self._fill(node, value)
        return node

    def value(self, value: Mapping[str, Any]) -> Schema:
        """The node of an inline schema value, or of a reference with facts of its own."""
        reference = value.get("$ref")
        if reference is not None:
            target = self.named(reference)
            return _derived(target, value) if len(value) > 1 else target
        node = Schema(_kind_of(value))
        self._fill(node, value)
        return node

    def _fill(self, node: Schema, value: Mapping[str, Any]) -> None:
        node.required = frozenset(value.get("required", ()))
        node.keep_zero = frozenset(value.get("x-keeps-zero", ()))
        node.always = tuple(value.get("x-always-there", ()))
        for name, child in value.get("properties", {}).items():
            node.fields[name] = self.value(child)
        if node.kind is LIST:
            node.item = self.value(value.get("items") or {})
        elif isinstance(value.get("additionalProperties"), Mapping):
            node.item = self.value(value["additionalProperties"])
        elif node.kind is MAP:
            node.item = FREE
        _place(node, value)


def compile_schema(value: Mapping[str, Any]) -> Schema:
    """Compile a self-contained schema value (the `openAPIV3Schema` of a CustomResourceDefinition)."""
    return Compiler(_no_references).value(value)


def _no_references(name: str) -> Mapping[str, Any]:
    raise KeyError(f"schema reference {name!r} cannot be resolved")


def _kind_of(value: Mapping[str, Any]) -> str:
    if value.get("x-kubernetes-int-or-string"):
        return INT_OR_STRING
    type_, format_ = value.get("type"), value.get("format")
    if type_ == "array":
        return LIST
    if type_ == "object" or "properties" in value:
        if value.get("properties") or not isinstance(value.get("additionalProperties"), Mapping):
            return OBJECT
        return MAP
    if not isinstance(type_, str):
        return ANY
    return _SCALAR_FORMATS.get((type_, format_)) or _CRD_SCALARS.get(type_, ANY)


def _derived(target: Schema, value: Mapping[str, Any]) -> Schema:
    """A node for a reference that adds facts; shares the fields of the type, even while that is being
    filled."""
    node = Schema(target.kind, target.name)
    node.base = target.base
    node.fields = target.fields
    node.item = target.item
    node.atomic = target.atomic
    _place(node, value)
    return node


def _place(node: Schema, value: Mapping[str, Any]) -> None:
    """Take over what the schema value says about merging, owning and defaulting."""
    list_type = value.get("x-kubernetes-list-type")
    if list_type:
        node.list_type = list_type
    node.map_keys = tuple(value.get("x-kubernetes-list-map-keys", ()))
    node.atomic = node.atomic or value.get("x-kubernetes-map-type") == "atomic"
    node.merge_key = value.get("x-kubernetes-patch-merge-key", "")
    strategy = value.get("x-kubernetes-patch-strategy", "")
    node.strategies = frozenset(strategy.split(",")) if strategy else frozenset()
    node.preserve = bool(value.get("x-kubernetes-preserve-unknown-fields"))
    node.embedded = bool(value.get("x-kubernetes-embedded-resource"))
    node.nullable = bool(value.get("nullable"))
    node.default = value.get("default")


def _go_name(name: str) -> str:
    """`io.k8s.api.apps.v1.DeploymentSpec` -> `v1.DeploymentSpec`."""
    return ".".join(name.rsplit(".", 2)[1:])
