"""The one interface between the API server and whatever keeps its objects.

A store is a map from keys to bytes with a single, growing revision, as in etcd: every write takes the next
revision, a read may ask for the state at an older revision, and a watch replays every change after a
revision, in order, once each, until compaction forgets it. Values are opaque. All methods are called from one
event loop.

    put(key, value, expect=0)   create          put(key, value, expect=41)   compare and swap
    range(prefix, limit=500)    page            range(prefix, start=last + "\\0", revision=R)   next page
    watch(prefix, after=R)      R+1, R+2, ...   compact(R)   states before R are gone: Compacted

Errors: StoreError <- CompareFailed, Compacted, FutureRevision, ValueTooLarge, StoreUnavailable (full disk,
read-only file, lost peer).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


class StoreError(Exception):
    """Root of what a store raises."""


class CompareFailed(StoreError):
    """The key is not at the expected revision; `current` is where it is (0: it does not exist)."""

    def __init__(self, key: str, expected: int, current: int) -> None:
        super().__init__(f"{key} is at revision {current}, not {expected}")
        self.key, self.expected, self.current = key, expected, current


class Compacted(StoreError):
    """The revision asked for is older than the last compaction."""

    def __init__(self, revision: int, compacted: int) -> None:
        super().__init__(f"revision {revision} is gone: history starts at {compacted}")
        self.revision, self.compacted = revision, compacted


class FutureRevision(StoreError):
    """The revision asked for has not been reached."""

    def __init__(self, revision: int, current: int) -> None:
        super().__init__(f"revision {revision} is ahead of the store, which is at {current}")
        self.revision, self.current = revision, current


class StoreUnavailable(StoreError):
    """The store cannot be written or read now; the write was not done."""


class ValueTooLarge(StoreError):
    """The store does not take values of this size."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key as it was at `revision`, the revision of its last change; `created` is that of its first."""

    key: str
    value: bytes
    revision: int
    created: int


@dataclass(frozen=True, slots=True)
class Event:
    """One change. On a deletion `entry` carries an empty value and the revision of the deletion."""

    entry: Entry
    deleted: bool = False
    note: object = None
    """What the writer passed along, when the writer is this process; never stored."""


@dataclass(frozen=True, slots=True)
class Range:
    """A page of entries sorted by key, all as of `revision`; `total` counts the range without the limit."""

    entries: Sequence[Entry]
    revision: int
    total: int


class Subscription(Protocol):
    """A running watch."""

    def cancel(self) -> None:
        """Stop deliveries; idempotent."""
        ...


class Store(Protocol):
    """See the module's text. Implementations: `memory`, `sqlite`, `etcd`, which all pass
    `tests/store/check_store.py`."""

    @property
    def shared(self) -> bool:
        """Whether other processes write too, so that `revision` may be behind what they were told."""
        ...

    @property
    def revision(self) -> int:
        """The last revision whose changes are durable and delivered."""
        ...

    @property
    def compacted(self) -> int:
        """The oldest revision that can still be read or watched from."""
        ...

    def stale(self, key: str) -> bool:
        """Say whether a value is stored in a form that should be renewed by writing it again, unchanged."""
        ...

    def put(
        self, key: str, value: bytes, *, expect: int | None, ttl: float | None = None, note: object = None
    ) -> Awaitable[Entry]:
        """Write; acknowledged when durable and after the event was delivered to this process's watches.

        `expect` is the revision the key must be at: 0 must not exist, None does not matter. `ttl` in seconds:
        the store deletes the key some time after. Raises: CompareFailed, ValueTooLarge,
        StoreUnavailable: when a peer was lost on the way, it says that the outcome is not known.
        """
        ...

    def delete(self, key: str, *, expect: int | None, note: object = None) -> Awaitable[int]:
        """Delete, return the revision of the deletion. Raises: CompareFailed (missing: current 0),
        StoreUnavailable."""
        ...

    async def get(self, key: str, *, revision: int = 0) -> Entry | None:
        """Read one key, now or at an older revision. Raises: Compacted, FutureRevision."""
        ...

    async def range(self, prefix: str, *, start: str = "", limit: int = 0, revision: int = 0) -> Range:
        """Read the keys with a prefix, from `start` on (inclusive), now or as of a revision.

        Raises: Compacted, FutureRevision.
        """
        ...

    async def watch(
        self,
        prefix: str,
        *,
        after: int,
        deliver: Callable[[Sequence[Event]], None],
        lost: Callable[[int], Awaitable[None]] | None = None,
    ) -> Subscription:
        """Deliver every change after a revision, in order, then live; `deliver` must not block.

        A shared store that was cut off for so long that changes are missing awaits `lost(revision)`: what is
        there at that revision has to be read anew, deliveries go on behind it. Raises: Compacted.
        """
        ...

    async def catch_up(self) -> None:
        """Wait until `revision` is at least what any writer, in whatever process, had been told when called.

        Raises: StoreUnavailable.
        """
        ...

    async def check(self) -> None:
        """Find out whether writes are taken now; cheap while they are. Raises: StoreUnavailable, which says
        why not."""
        ...

    async def compact(self, revision: int) -> None:
        """Forget the states before a revision. Raises: FutureRevision."""
        ...

    async def expire(self, now: float) -> int:
        """Delete the keys whose time has come, return how many; `now` in seconds since the epoch."""
        ...

    async def snapshot(self, path: str) -> None:
        """Save a consistent copy that `open` accepts. Raises: StoreUnavailable."""
        ...

    async def close(self) -> None:
        """Finish what was accepted, then release everything."""
        ...
