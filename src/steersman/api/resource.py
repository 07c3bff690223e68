"""What a resource is: one row of the table of kinds, built-in or custom.

A `Resource` says how a kind is named, addressed and what may be done with it. Built-in rows are in `kinds`; a
CustomResourceDefinition makes the same rows at run time. Two rows are equal when group, version and
plural are, so rows are cheap dictionary keys whatever else they carry.
"""

from __future__ import annotations

from dataclasses import dataclass, field

CREATE_ONLY = ("create",)
READ_ONLY = ("get", "list")
WITHOUT_COLLECTION = ("create", "delete", "get", "list", "patch", "update", "watch")
ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
MODIFY = ("get", "patch", "update")
PROXY = ("create", "delete", "get", "patch", "update")
STREAM = ("create", "get")


@dataclass(frozen=True, slots=True)
class Subresource:
    """One sub-resource: its name in the path, the kind its objects have, and its verbs."""

    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str = ""
    version: str = ""
    """Group and version of the objects; empty version means those of the parent resource."""


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One served resource; immutable, equal and hashed by group, version and plural."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    verbs: tuple[str, ...] = ALL_VERBS
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()
    level: str = "ga"
    """`ga`, `beta` or `alpha`: only `ga` is served unless switched on."""
    stored_group: str = ""
    stored_version: str = ""
    """Where the object lives when groups or versions share it; equal to group and version otherwise."""
    custom: bool = False
    """Comes from a CustomResourceDefinition."""
    list_kind: str = ""

    api_version: str = field(init=False)
    """`v1`, `apps/v1`."""
    prefix: str = field(init=False)
    """`/api/v1`, `/apis/apps/v1`."""
    qualified: str = field(init=False)
    """`pods`, `deployments.apps`: group-resource, the same for every version."""
    _hash: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        group, version = self.group, self.version
        put = object.__setattr__
        put(self, "api_version", f"{group}/{version}" if group else version)
        put(self, "prefix", f"/apis/{group}/{version}" if group else f"/api/{version}")
        put(self, "qualified", f"{self.plural}.{group}" if group else self.plural)
        put(self, "_hash", hash((group, version, self.plural)))
        put(self, "list_kind", self.list_kind or f"{self.kind}List")
        if not self.stored_version:
            put(self, "stored_group", group)
            put(self, "stored_version", version)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Resource):
            return NotImplemented
        return (self.plural, self.group, self.version) == (other.plural, other.group, other.version)

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return f"{self.plural}.{self.version}.{self.group}" if self.group else f"{self.plural}.{self.version}"

    def path(self, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
        """The URL path: of the collection, of one object, or of a sub-resource of it.

        `DEPLOYMENTS.path("ns", "web", "scale")` is `/apis/apps/v1/namespaces/ns/deployments/web/scale`; a
        namespaced resource without a namespace gives the cluster-wide collection. Names go in as they are.
        """
        parts = [self.prefix]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)

    def subresource(self, name: str) -> Subresource | None:
        """The row of one sub-resource."""
        for row in self.subresources:
            if row.name == name:
                return row
        return None
