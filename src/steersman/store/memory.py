"""The store for tests and throw-away servers: everything in dicts, gone with the process."""

from __future__ import annotations

import time
from bisect import bisect_right
from typing import TYPE_CHECKING

from steersman.store.base import Compacted, Entry, Event, FutureRevision, Range, StoreUnavailable
from steersman.store.feeds import Feed, Feeds
from steersman.store.heads import Heads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


class MemoryStore:
    """A `Store` without durability. History of a key is a list of entries, an empty value marking a
    deletion."""

    shared = False

    def __init__(self) -> None:
        self._heads = Heads()
        self._feeds = Feeds()
        self._history: dict[str, list[Event]] = {}
        self._log: list[Event] = []
        self._expires: dict[str, tuple[float, int]] = {}
        self._compacted = 1

    @property
    def revision(self) -> int:
        """The last revision."""
        return self._heads.revision

    @property
    def compacted(self) -> int:
        """The oldest readable revision."""
        return self._compacted

    async def put(
        self, key: str, value: bytes, *, expect: int | None, ttl: float | None = None, note: object = None
    ) -> Entry:
        """See `Store.put`."""
        decision = self._heads.put(key, expect)
        entry = Entry(key, value, decision.revision, decision.created)
        self._expires.pop(key, None)
        if ttl is not None:
            self._expires[key] = (time.time() + ttl, decision.revision)
        self._record(Event(entry, note=note))
        return entry

    async def delete(self, key: str, *, expect: int | None, note: object = None) -> int:
        """See `Store.delete`."""
        decision = self._heads.delete(key, expect)
        self._expires.pop(key, None)
        self._record(Event(Entry(key, b"", decision.revision, decision.created), deleted=True, note=note))
        return decision.revision

    async def get(self, key: str, *, revision: int = 0) -> Entry | None:
        """See `Store.get`."""
        return self._at(key, self._readable(revision))

    async def range(self, prefix: str, *, start: str = "", limit: int = 0, revision: int = 0) -> Range:
        """See `Store.range`."""
        revision = self._readable(revision)
        keys = sorted(key for key in self._history if key.startswith(prefix) and key >= start)
        entries = [entry for key in keys if (entry := self._at(key, revision)) is not None]
        return Range(entries[:limit] if limit else entries, revision, len(entries))

    def stale(self, key: str) -> bool:
        """See `Store.stale`: there is one form."""
        return False

    async def catch_up(self) -> None:
        """Nothing to wait for: nobody else writes."""

    async def check(self) -> None:
        """Memory takes every write."""

    async def watch(
        self,
        prefix: str,
        *,
        after: int,
        deliver: Callable[[Sequence[Event]], None],
        lost: Callable[[int], Awaitable[None]] | None = None,
    ) -> Feed:
        """See `Store.watch`."""
        if after < self._compacted:
            raise Compacted(after, self._compacted)
        feed = self._feeds.add(prefix, deliver)
        first = bisect_right(self._log, after, key=lambda event: event.entry.revision)
        feed.start([event for event in self._log[first:] if event.entry.key.startswith(prefix)])
        return feed

    async def compact(self, revision: int) -> None:
        """See `Store.compact`."""
        if revision > self.revision:
            raise FutureRevision(revision, self.revision)
        self._compacted = max(self._compacted, revision)
        self._log = [event for event in self._log if event.entry.revision > revision]
        for key, history in list(self._history.items()):
            newest = bisect_right(history, revision, key=lambda event: event.entry.revision) - 1
            if newest >= 0 and history[newest].deleted:
                newest += 1
            del history[: max(newest, 0)]
            if not history:
                del self._history[key]

    async def expire(self, now: float) -> int:
        """See `Store.expire`."""
        due = [key for key, (at, _) in self._expires.items() if at <= now]
        for key in due:
            _, revision = self._expires.pop(key)
            if self._heads.at(key, revision):
                await self.delete(key, expect=revision)
        return len(due)

    async def snapshot(self, path: str) -> None:
        """A memory store has nothing that outlives it."""
        raise StoreUnavailable(f"cannot save a snapshot to {path}: the memory store keeps nothing on disk")

    async def close(self) -> None:
        """Nothing to release."""

    def _record(self, event: Event) -> None:
        self._history.setdefault(event.entry.key, []).append(event)
        self._log.append(event)
        self._feeds.publish((event,))

    def _readable(self, revision: int) -> int:
        if revision == 0:
            return self.revision
        if revision < self._compacted:
            raise Compacted(revision, self._compacted)
        if revision > self.revision:
            raise FutureRevision(revision, self.revision)
        return revision

    def _at(self, key: str, revision: int) -> Entry | None:
        history = self._history.get(key, [])
        index = bisect_right(history, revision, key=lambda event: event.entry.revision) - 1
        return None if index < 0 or history[index].deleted else history[index].entry
