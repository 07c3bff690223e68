"""The objects of one resource in memory, kept by the store's watch, and everybody who watches them.

    store events ──> apply ──> Objects   (GET, LIST)
                           └─> ring      (watches resumed from a revision)
                           └─> groups    (live watches, filtered and encoded once for all alike)

A cache fills itself when it is first used, from a state some way back plus the changes since, so that watches
survive a restart of the server. After that the store delivers every commit before it acknowledges it: what a
writer was told, a reader sees.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import orjson

from steersman.apiserver import codec
from steersman.apiserver.cache.filter import Filter
from steersman.apiserver.cache.index import Objects
from steersman.apiserver.cache.item import CacheEvent, Item, Record
from steersman.apiserver.cache.routing import Groups
from steersman.store.base import Compacted, Entry, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.store.base import Store

RING = 2048
"""Changes kept per resource for resumed watches at most, none that the store has compacted; older ones answer
410."""
LOOK_BACK = 2000
"""Revisions a fresh cache replays, so that clients resume their watches after a restart."""


class Cache:
    """See the module's text. Reading methods are only valid once `ready` has been awaited."""

    def __init__(
        self, resource: Resource, store: Store, prefix: str, record: Callable[[Object], Record]
    ) -> None:
        self.resource = resource
        self.objects = Objects()
        self.ring: deque[CacheEvent] = deque()
        self.oldest = 0
        """Watches can resume from this revision on."""
        self.changed = 0
        """Revision of the last change of this resource that this cache has seen."""
        self.groups = Groups()
        self.received = self.sent = 0
        """Changes that came, and events that went out to watchers, since the start."""
        self._listeners: list[Callable[[Sequence[CacheEvent]], None]] = []
        self._store, self._prefix, self.record = store, prefix, record
        self._loading: asyncio.Future[None] | None = None
        self._waiting: list[Event] | None = []
        self.loaded = False
        self.retired = False
        """The store feeds it no more: another cache has taken its place, or the resource is gone."""

    @property
    def revision(self) -> int:
        """The revision this cache is at: that of the store, since every commit is delivered at once."""
        return self._store.revision

    async def ready(self) -> None:
        """Wait until the cache is filled; the first caller fills it."""
        while not self.loaded:
            if self._loading is None:
                await self._load()
            else:
                await asyncio.shield(self._loading)

    async def _load(self) -> None:
        self._loading = asyncio.get_running_loop().create_future()
        self._waiting = []
        try:
            try:
                await self._fill(max(self._store.compacted, self._store.revision - LOOK_BACK))
            except Compacted:  # in this very moment; the present cannot be compacted
                await self._fill(self._store.revision)
            self.loaded = True
        finally:
            loading, self._loading = self._loading, None
            loading.set_result(None)

    async def _fill(self, base: int) -> None:
        """Take the state at a revision, then what has changed since. Raises: Compacted."""
        self.objects = Objects()
        page = await self._store.range(self._prefix, revision=base)
        for entry in page.entries:
            self.objects.put(self._item(entry, None))
        self.oldest = base
        await self._replay(base)

    async def _replay(self, base: int) -> None:
        """Apply the changes since `base`, then those that were delivered meanwhile."""
        history: list[Event] = []
        subscription = await self._store.watch(self._prefix, after=base, deliver=history.extend)
        subscription.cancel()
        last = history[-1].entry.revision if history else base
        waiting, self._waiting = self._waiting or [], None
        self._apply(history)
        self._apply([event for event in waiting if event.entry.revision > last])

    async def reread(self, revision: int) -> None:
        """Take the state at a revision: changes before it have been missed.

        Watches end, and cannot be resumed from before; listeners are told what is different.
        """
        if not self.loaded:
            return
        self.ring.clear()
        self.oldest = revision
        self.end_watches()
        page = await self._store.range(self._prefix, revision=revision)
        events = [Event(entry) for entry in page.entries if not self._has(entry)]
        present = {entry.key for entry in page.entries}
        for item in tuple(self.objects.select(Filter())):
            key = self._prefix + (f"{item.namespace}/{item.name}" if item.namespace else item.name)
            if key not in present:
                events.append(Event(Entry(key, b"", revision, item.created), deleted=True))
        self._apply(sorted(events, key=lambda event: event.entry.revision))
        self.ring.clear()

    def _has(self, entry: Entry) -> bool:
        item = self.objects.get(*self._split(entry.key))
        return item is not None and item.revision == entry.revision

    def offer(self, events: Sequence[Event]) -> None:
        """Take one commit's events of this resource, from the hub."""
        if self._waiting is None:
            self._apply(events)
        elif self._loading is not None:
            self._waiting.extend(events)

    def listen(self, listener: Callable[[Sequence[CacheEvent]], None]) -> Callable[[], None]:
        """Call `listener` with every further batch of changes; returns the function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def end_watches(self) -> None:
        """End all live watches in an orderly way: their clients resume, and see what is served then."""
        for group in self.groups:
            group.end()

    def since(self, revision: int) -> Iterable[CacheEvent]:
        """Return the kept changes after a revision that is not older than `oldest`."""
        if revision >= self.changed:
            return ()
        return [event for event in self.ring if event.revision > revision]

    def forget(self, revision: int) -> None:
        """Let go of the changes up to a revision, whose history the store has let go of too."""
        ring = self.ring
        while ring and ring[0].revision <= revision:
            self.oldest = ring.popleft().revision

    def item_of(self, entry: Entry) -> Item:
        """Make an item of something read from the store at an older revision."""
        return self._item(entry, None)

    def _apply(self, events: Sequence[Event]) -> None:
        batch = [change for event in events if (change := self._change(event)) is not None]
        if not batch:
            return
        self.changed = batch[-1].revision
        self.received += len(batch)
        ring = self.ring
        ring.extend(batch)
        while len(ring) > RING:
            self.oldest = ring.popleft().revision
        self.groups.publish(batch)
        for listener in tuple(self._listeners):
            listener(batch)
        for change in batch:
            change.frames.clear()

    def _change(self, event: Event) -> CacheEvent | None:
        entry = event.entry
        if not event.deleted:
            record = event.note if isinstance(event.note, Record) else None
            item = self._item(entry, record)
            before = self.objects.put(item)
            return CacheEvent("ADDED" if before is None else "MODIFIED", item, before)
        namespace, name = self._split(entry.key)
        before = self.objects.remove(namespace, name)
        if before is None:
            return None
        last = codec.at_revision(before.body, before.revision, entry.revision)
        gone = Item(namespace, name, last, entry.revision, before.created, before.record)
        return CacheEvent("DELETED", gone, before)

    def _item(self, entry: Entry, record: Record | None) -> Item:
        namespace, name = self._split(entry.key)
        data = codec.body(entry.value, entry.revision)
        if record is None:
            record = self.record(orjson.loads(entry.value))
        return Item(namespace, name, data, entry.revision, entry.created, record)

    def _split(self, key: str) -> tuple[str, str]:
        namespace, _, name = key[len(self._prefix) :].rpartition("/")
        return namespace, name
