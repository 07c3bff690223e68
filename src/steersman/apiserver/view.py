"""One served version of a resource, and how it looks at the stored bytes.

Versions that share a stored form share one cache. A version whose objects differ from the stored form carries
a conversion, two pure functions over objects; all others pass bytes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from steersman.api import defaults, kinds, schema, tables
from steersman.apiserver import codec
from steersman.apiserver.cache.filter import Filter
from steersman.apiserver.cache.item import Record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from steersman.api.resource import Resource
    from steersman.api.schema import Schema
    from steersman.api.tables import Table
    from steersman.api.types import Object
    from steersman.apiserver.cache.cache import Cache
    from steersman.apiserver.cache.item import Item
    from steersman.apiserver.handlers.target import Target
    from steersman.apiserver.http.values import Answer
    from steersman.apiserver.registry.strategy import Strategy
    from steersman.apiserver.representation.forms import Form


@dataclass(frozen=True, slots=True)
class Conversion:
    """`from_stored` and `to_stored` get private copies; apiVersion is set by the caller."""

    from_stored: Callable[[Object], Object]
    to_stored: Callable[[Object], Object]


MOST_LOOKED = 256
"""Decoded objects kept per view for those who only look."""


class View:
    """A resource at one version: its row, its strategy, its cache."""

    __slots__ = (
        "_all",
        "_looked",
        "cache",
        "conversion",
        "deprecation",
        "forms",
        "head",
        "resource",
        "strategy",
    )

    def __init__(
        self, resource: Resource, strategy: Strategy, cache: Cache, conversion: Conversion | None = None
    ) -> None:
        self.resource, self.strategy, self.cache, self.conversion = resource, strategy, cache, conversion
        self.head = codec.head(resource)
        self.deprecation = kinds.DEPRECATIONS.get(resource, "")
        """The text of a Warning header for every request; empty for none."""
        self._looked: dict[tuple[str, str], tuple[Item, Object]] = {}
        self._all: dict[str, tuple[int, list[Object]]] = {}
        self.forms: dict[tuple[str, str], Form] = {}
        """Representations in use, by Accept header and includeObject."""

    @property
    def verbatim(self) -> bool:
        """Whether every item's bytes are passed on as they are."""
        return self.conversion is None

    @property
    def separate(self) -> bool:
        """Whether the cache holds objects in this version's own form and not in the stored one."""
        return False

    @property
    def schema(self) -> Schema:
        """The compiled schema of this version's objects."""
        return schema.schema_for(self.resource)

    @property
    def table(self) -> Table:
        """How objects are printed."""
        return tables.table_for(self.resource)

    def endpoint(self, subresource: str) -> Callable[[Target], Awaitable[Answer]] | None:
        """Return what answers for a sub-resource past the registry, where the view knows that itself."""
        return None

    def read_body(self, obj: Object) -> list[str]:
        """Bring a request's object into the form of its kind, in place; returns strict problems.

        Raises: schema.DecodeError.
        """
        return schema.decode(self.schema, obj)

    def fill(self, obj: Object) -> None:
        """Fill in what the API promises to be there."""
        defaults.default(self.resource, obj)

    def body(self, item: Item) -> bytes:
        """Return an item's body in this version."""
        if self.conversion is None:
            return item.body
        obj = self.decode(item)
        metadata = obj.pop("metadata")
        del obj["kind"], obj["apiVersion"]
        return orjson.dumps({"metadata": metadata, **obj})[1:]

    def decode(self, item: Item) -> Object:
        """Return an item as a fresh object in this version."""
        obj = codec.decode_body(self.resource, item.body)
        if self.conversion is not None:
            obj = self.conversion.from_stored(obj)
            obj["apiVersion"] = self.resource.api_version
        return obj

    def look(self, item: Item) -> Object:
        """Return an item as an object that is shared: it must not be changed."""
        key = (item.namespace, item.name)
        found = self._looked.get(key)
        if found is None or found[0] is not item:
            if len(self._looked) >= MOST_LOOKED:
                self._looked.clear()
            found = self._looked[key] = (item, self.decode(item))
        return found[1]

    def look_all(self, namespace: str) -> list[Object]:
        """Return the objects of a namespace, of all for "", shared like those of `look`, the list too."""
        found = self._all.get(namespace)
        if found is None or found[0] != self.cache.changed:
            if len(self._all) >= MOST_LOOKED:
                self._all.clear()
            shown = [self.look(item) for item in self.cache.objects.select(Filter(namespace))]
            found = self._all[namespace] = (self.cache.changed, shown)
        return found[1]

    def encode(self, obj: Object) -> bytes:
        """Return the stored form of an object of this version."""
        return codec.encode(self.resource, obj)

    async def to_stored(self, obj: Object) -> Object:
        """Return an object of this version in the form it is stored in. Raises: ApiError."""
        return obj if self.conversion is None else self.conversion.to_stored(obj)

    async def adopt(self, obj: Object, source: View) -> Object:
        """Return an object of another version of the same resource in this one; `obj` is consumed.

        Raises: ApiError when a conversion fails.
        """
        stored = await source.to_stored(obj)
        made = stored if self.conversion is None else self.conversion.from_stored(stored)
        return {**made, "apiVersion": self.resource.api_version, "kind": self.resource.kind}

    def record(self, obj: Object) -> Record:
        """Return what selectors need of an object in its stored form."""
        return self.cache.record(obj)


def record_of(strategy: Strategy, obj: Object) -> Record:
    """Return the record of an object in its stored form."""
    metadata = obj["metadata"]
    fields = strategy.selectable_fields(obj)
    fields.pop("metadata.name", None)
    fields.pop("metadata.namespace", None)
    return Record(metadata.get("uid", ""), metadata.get("labels") or None, fields)
