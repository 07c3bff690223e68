"""All caches of a server behind one watch of the store: commits are taken apart by resource and handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver.cache.cache import Cache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.cache.item import Record
    from steersman.store.base import Event, Store, Subscription

ROOT = "/registry/"


def prefix(resource: Resource) -> str:
    """Return what the keys of a resource begin with; resources that share stored objects share it."""
    return f"{ROOT}{resource.stored_group or 'core'}/{resource.plural}/"


class Hub:
    """Caches by key prefix."""

    def __init__(self, store: Store, record: Callable[[Resource, Object], Record]) -> None:
        self.store = store
        self._record = record
        self._caches: dict[str, Cache] = {}
        self._converted: dict[str, list[Cache]] = {}
        """Caches that show a resource's objects in other forms, by the resource's prefix."""
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Begin to follow the store."""
        self._subscription = await self.store.watch(
            ROOT, after=self.store.revision, deliver=self._deliver, lost=self._reread
        )

    def stop(self) -> None:
        """Stop following."""
        if self._subscription is not None:
            self._subscription.cancel()

    def cache(self, resource: Resource, record: Callable[[Object], Record] | None = None) -> Cache:
        """Return the cache of a resource; await its `ready` before reading.

        `record` makes the records of a resource whose strategy is not in the registry (custom ones).
        """
        where = prefix(resource)
        cache = self._caches.get(where)
        if cache is None:
            make = record or (lambda obj: self._record(resource, obj))
            cache = Cache(resource, self.store, where, make)
            self._caches[where] = cache
        return cache

    def adopt(self, cache: Cache) -> None:
        """Feed one more cache of a resource."""
        self._converted.setdefault(prefix(cache.resource), []).append(cache)

    def forget(self, resource: Resource) -> None:
        """Let go of a resource's caches and end their watches."""
        where = prefix(resource)
        cache = self._caches.pop(where, None)
        for one in (*((cache,) if cache is not None else ()), *self._converted.pop(where, ())):
            one.retired = True
            one.end_watches()

    def caches(self) -> Iterator[Cache]:
        """Yield every cache made so far."""
        yield from tuple(self._caches.values())
        for some in tuple(self._converted.values()):
            yield from some

    async def _reread(self, revision: int) -> None:
        for cache in self.caches():
            await cache.reread(revision)

    def _deliver(self, events: Sequence[Event]) -> None:
        if len(events) == 1:
            self._offer(_prefix_of(events[0].entry.key), events)
            return
        parts: dict[str, list[Event]] = {}
        for event in events:
            parts.setdefault(_prefix_of(event.entry.key), []).append(event)
        for where, some in parts.items():
            self._offer(where, some)

    def _offer(self, where: str, events: Sequence[Event]) -> None:
        cache = self._caches.get(where)
        if cache is not None:
            cache.offer(events)
        for converted in self._converted.get(where, ()):
            converted.offer(events)


def _prefix_of(key: str) -> str:
    """`/registry/<group>/<plural>/...` -> `/registry/<group>/<plural>/`; other keys, which are no objects, to
    something that is no resource's."""
    end = key.find("/", key.find("/", len(ROOT)) + 1)
    return key[: end + 1]
