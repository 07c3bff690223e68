"""The live watches of an in-process store: who gets which of the events of a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from steersman.store.base import Event


class Feed:
    """One watch. While history is being replayed live events wait, so that nothing is lost or doubled."""

    def __init__(
        self,
        feeds: Feeds,
        prefix: str,
        deliver: Callable[[Sequence[Event]], None],
        lost: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        self._feeds, self._prefix, self._deliver, self.lost = feeds, prefix, deliver, lost
        self._waiting: list[Event] | None = []

    def offer(self, events: Sequence[Event]) -> None:
        """Take the events of one commit."""
        if self._prefix:
            events = [event for event in events if event.entry.key.startswith(self._prefix)]
        if not events:
            return
        if self._waiting is None:
            self._deliver(events)
        else:
            self._waiting.extend(events)

    def start(self, history: Sequence[Event]) -> None:
        """Deliver the replayed history, then what came meanwhile, then live."""
        waiting, self._waiting = self._waiting or [], None
        last = history[-1].entry.revision if history else 0
        if events := [*history, *(event for event in waiting if event.entry.revision > last)]:
            self._deliver(events)

    def cancel(self) -> None:
        """Stop deliveries; idempotent."""
        self._feeds.remove(self)


class Feeds:
    """All watches of one store."""

    def __init__(self) -> None:
        self._feeds: list[Feed] = []

    def add(
        self,
        prefix: str,
        deliver: Callable[[Sequence[Event]], None],
        lost: Callable[[int], Awaitable[None]] | None = None,
    ) -> Feed:
        """Register a watch; it starts to deliver with `Feed.start`."""
        feed = Feed(self, prefix, deliver, lost)
        self._feeds.append(feed)
        return feed

    def remove(self, feed: Feed) -> None:
        """Forget a watch; idempotent."""
        if feed in self._feeds:
            self._feeds.remove(feed)

    def publish(self, events: Sequence[Event]) -> None:
        """Hand the events of one commit to every watch."""
        for feed in tuple(self._feeds):
            feed.offer(events)

    async def lose(self, revision: int) -> None:
        """Tell every watch that changes before a revision are missing."""
        for feed in tuple(self._feeds):
            if feed.lost is not None:
                await feed.lost(revision)
