"""A served version of a custom resource: a view whose schema, columns and sub-resources came at run time.

Objects are stored in the definition's storage version. What was written under the present schema is passed on
as bytes; what is older, or of another version with another schema, is pruned and defaulted when it is read,
as upstream does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from steersman.api import schema
from steersman.api.schema import structural
from steersman.apiserver import codec
from steersman.apiserver.apiextensions import embedded, scale
from steersman.apiserver.view import View

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from steersman.api.schema import Schema
    from steersman.api.tables.columns import Table
    from steersman.api.types import Object
    from steersman.apiserver.apiextensions.conversion import Converter
    from steersman.apiserver.apiextensions.strategy import CustomStrategy
    from steersman.apiserver.apiextensions.version import CustomVersion
    from steersman.apiserver.cache.cache import Cache
    from steersman.apiserver.cache.item import Item
    from steersman.apiserver.handlers.target import Target
    from steersman.apiserver.http.values import Answer

NEVER = 1 << 63
"""No revision is newer than this."""


class CustomView(View):
    """See the module's text."""

    __slots__ = ("converter", "fresh_after", "version")

    def __init__(
        self,
        version: CustomVersion,
        strategy: CustomStrategy,
        cache: Cache,
        fresh_after: int,
        converter: Converter | None = None,
    ) -> None:
        super().__init__(version.resource, strategy, cache)
        self.version, self.converter = version, converter
        self.deprecation = version.deprecation
        self.fresh_after = fresh_after
        """Objects written after this revision look as this version shows them; `NEVER` when none do."""

    @property
    def verbatim(self) -> bool:
        return self.fresh_after == 0

    @property
    def separate(self) -> bool:
        return self.converter is not None

    async def to_stored(self, obj: Object) -> Object:
        if self.converter is None:
            return obj
        row = self.resource
        api_version = f"{row.stored_group}/{row.stored_version}"
        return (await self.converter.convert((obj,), api_version))[0]

    async def adopt(self, obj: Object, source: View) -> Object:
        api_version = self.resource.api_version
        if self.converter is None:
            return {**obj, "apiVersion": api_version}
        made = (await self.converter.convert((obj,), api_version))[0]
        schema.prune(self.version.schema, made)
        structural.default(self.version.openapi, made)
        return made

    @property
    def schema(self) -> Schema:
        return self.version.schema

    @property
    def table(self) -> Table:
        return self.version.table

    def endpoint(self, subresource: str) -> Callable[[Target], Awaitable[Answer]] | None:
        return scale.answer if subresource == "scale" and self.version.scale is not None else None

    def read_body(self, obj: Object) -> list[str]:
        """Bring a body into the form of the kind: prune it and its metadata. Raises: schema.DecodeError."""
        unknown: list[str] = []
        if obj.get("metadata", obj) is None:
            del obj["metadata"]
        embedded.trim_metadata(obj, "", unknown)
        unknown += schema.prune(self.version.schema, obj)
        if self.version.has_embedded:
            embedded.trim(self.version.schema, obj, "", unknown)
        return [f'unknown field "{path}"' for path in unknown]

    def fill(self, obj: Object) -> None:
        structural.default(self.version.openapi, obj)

    def body(self, item: Item) -> bytes:
        if item.revision > self.fresh_after:
            return item.body
        obj: dict[str, Any] = self.decode(item)
        metadata = obj.pop("metadata")
        del obj["kind"], obj["apiVersion"]
        return orjson.dumps({"metadata": metadata, **obj})[1:]

    def decode(self, item: Item) -> Object:
        obj = codec.decode_body(self.resource, item.body)
        if item.revision <= self.fresh_after:
            schema.prune(self.version.schema, obj)
            structural.default(self.version.openapi, obj)
        return obj
