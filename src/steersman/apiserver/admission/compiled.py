"""Configuration objects as the server uses them: compiled once a version, out of the watch cache.

Asking costs a comparison of two numbers while nothing changes, so that a plug-in without configuration costs
next to nothing on every write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from steersman.apiserver.cache.filter import Filter

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.api import API

T = TypeVar("T")


class Compiled(Generic[T]):
    """What `compile` makes of all objects of one resource, in the order of their names."""

    def __init__(self, api: API, resource: Resource, compile: Callable[[list[Object]], T]) -> None:
        self._api, self._resource, self._compile = api, resource, compile
        self._revision = -1
        self._value: T | None = None

    async def get(self) -> T:
        """Return the present form."""
        view = self._api.views.of(self._resource)
        cache = view.cache
        if not cache.loaded:
            await cache.ready()
        if cache.changed != self._revision or self._value is None:
            revision = cache.changed
            objects = [view.look(item) for item in cache.objects.select(Filter())]
            self._value = self._compile(sorted(objects, key=lambda one: str(one["metadata"]["name"])))
            self._revision = revision
        return self._value
