"""Live watches: watchers that want the same share one filtering, one encoding and one chunk of bytes.

A group is all watchers of a resource with one filter and one representation. When a commit arrives the group
makes a single frame of all it shows and writes it to each of its sinks. A sink that has not taken `SLOW`
bytes is cut off: its client resumes from the last revision it saw, and nothing grows without bound here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from steersman.apiserver import codec
from steersman.apiserver.cache.item import Item
from steersman.apiserver.http.values import Frame

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from steersman.apiserver.cache.cache import Cache
    from steersman.apiserver.cache.filter import Filter
    from steersman.apiserver.cache.item import CacheEvent, EventType
    from steersman.apiserver.http.values import Sink

SLOW = 8 * 1024 * 1024
"""Bytes a watcher may lag behind."""


class WatchFormat(Protocol):
    """How events look to a client; equal keys give equal bytes."""

    @property
    def key(self) -> Hashable: ...

    def event(self, type: EventType, item: Item) -> bytes:
        """Return one event, newline included."""
        ...

    def bookmark(self, revision: int, *, initial_end: bool = False) -> bytes:
        """Return a bookmark event; `initial_end` marks the end of the initial events of a streaming list."""
        ...


class WatchGroup:
    """The watchers of one cache with one filter and one format."""

    def __init__(self, cache: Cache, wanted: Filter, form: WatchFormat) -> None:
        self._cache, self._filter, self._form = cache, wanted, form
        self._key = (wanted, form.key)
        self._sinks: set[Sink] = set()
        self._bookmarks: set[Sink] = set()

    @property
    def count(self) -> int:
        """How many watch."""
        return len(self._sinks)

    @property
    def namespace(self) -> str:
        """The namespace that is watched; empty for all."""
        return self._filter.namespace

    def add(self, sink: Sink, *, bookmarks: bool) -> WatchGroup:
        """Let a sink take part from the next commit on; returns the group it is in now, to `remove` it
        from."""
        home = self._cache.groups.join(self._key, self._filter, self)
        home._sinks.add(sink)
        if bookmarks:
            home._bookmarks.add(sink)
        return home

    def remove(self, sink: Sink) -> None:
        """Forget a sink; the last one takes the group along."""
        self._sinks.discard(sink)
        self._bookmarks.discard(sink)
        if not self._sinks:
            self._cache.groups.leave(self._key, self._filter, self)

    def encode(self, events: Iterable[CacheEvent]) -> bytes:
        """Return what these changes are to this group, empty when it sees none."""
        return b"".join(self._pieces(events))

    def initial(self) -> Iterable[bytes]:
        """Return the selected objects of this moment as ADDED events, encoded as they are taken."""
        items = list(self._cache.objects.select(self._filter))
        return (self._form.event("ADDED", item) for item in items)

    def bookmark_bytes(self, revision: int, *, initial_end: bool = False) -> bytes:
        """Return a bookmark in this group's format."""
        return self._form.bookmark(revision, initial_end=initial_end)

    def publish(self, events: Sequence[CacheEvent]) -> None:
        """Send a commit's changes to every sink."""
        pieces = list(self._pieces(events))
        if pieces:
            self._cache.sent += len(pieces) * len(self._sinks)
            self._send(self._sinks, Frame(b"".join(pieces)))

    def bookmark(self, revision: int) -> None:
        """Tell those who asked for bookmarks how far they are."""
        if self._bookmarks:
            self._send(self._bookmarks, Frame(self._form.bookmark(revision)))

    def end(self) -> None:
        """Let every watcher's answer come to its end."""
        for sink in tuple(self._sinks):
            sink.end()

    def _send(self, sinks: Iterable[Sink], frame: Frame) -> None:
        for sink in tuple(sinks):
            sink.write_frame(frame)
            if sink.buffered > SLOW:
                sink.abort()

    def _pieces(self, events: Iterable[CacheEvent]) -> Iterable[bytes]:
        for event in events:
            seen = self._filter.sees(event)
            if seen is None:
                continue
            key = (self._form.key, seen)
            piece = event.frames.get(key)
            if piece is None:
                piece = event.frames[key] = self._form.event(seen, _shown(event, seen))
            yield piece


def _shown(event: CacheEvent, seen: EventType) -> Item:
    """An object that leaves a selection is shown as it was, at the revision of the change."""
    before = event.previous
    if seen != "DELETED" or event.type == "DELETED" or before is None:
        return event.item
    data = codec.at_revision(before.body, before.revision, event.revision)
    return Item(before.namespace, before.name, data, event.revision, before.created, before.record)
