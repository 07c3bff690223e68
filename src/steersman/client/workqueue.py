"""A queue of keys to work on: each key once, never two workers on one key, nothing forgotten.

    add ──> dirty ──> get() ──> processing ──> done()
              ^                     │
              └── added meanwhile ──┘   (queued again at done)

Keys added while waiting are merged; a key added while it is being processed is queued again when that ends.
`add_after` and `add_rate_limited` add later; of several delays for one key the shortest wins.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from steersman.runtime.backoff import Backoff
from steersman.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Hashable

    from steersman.runtime.clock import Clock, Timer

__all__ = ["QueueShutDown", "Statistics", "WorkQueue"]

K = TypeVar("K", bound="Hashable")

_BASE_DELAY = 0.005  # seconds; client-go's default controller rate limiter
_MAX_DELAY = 1000.0  # seconds


class QueueShutDown(Exception):
    """No more keys will come."""


@dataclass(frozen=True, slots=True)
class Statistics:
    waiting: int
    processing: int
    delayed: int
    added: int
    retried: int


class WorkQueue(Generic[K]):
    """See the module. Use from one event loop only."""

    def __init__(self, clock: Clock | None = None, backoff: Backoff | None = None) -> None:
        self._clock = clock or SystemClock()
        self._backoff = backoff or Backoff(
            _BASE_DELAY, 2.0, _MAX_DELAY, reset_after=float("inf"), clock=self._clock
        )
        self._order: deque[K] = deque()
        self._dirty: set[K] = set()
        self._processing: set[K] = set()
        self._timers: dict[K, tuple[float, Timer]] = {}
        self._failures: dict[K, int] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._stopped = False
        self._added = 0
        self._retried = 0

    def add(self, key: K) -> None:
        """The key needs work, as soon as a worker is free."""
        if self._stopped or key in self._dirty:
            return
        self._added += 1
        self._dirty.add(key)
        if key not in self._processing:
            self._order.append(key)
            self._wake_one()

    def add_after(self, key: K, seconds: float) -> None:
        """Add in `seconds` (at once when that is not positive)."""
        if self._stopped:
            return
        if seconds <= 0:
            self.add(key)
            return
        due = self._clock.monotonic() + seconds
        known = self._timers.get(key)
        if known is not None:
            if known[0] <= due:
                return
            known[1].cancel()
        self._timers[key] = (due, self._clock.call_later(seconds, self._due, key))

    def add_rate_limited(self, key: K) -> None:
        """Add after the key's back-off: 5 ms, doubling with each call up to 1000 s, until `forget`."""
        self._retried += 1
        self._failures[key] = self._failures.get(key, 0) + 1
        self.add_after(key, self._backoff.next(key))

    def forget(self, key: K) -> None:
        """The key did well: its back-off starts anew. Does not take it out of the queue."""
        if self._failures.pop(key, None) is not None:
            self._backoff.forget(key)

    def failures(self, key: K) -> int:
        """How often the key was added rate-limited since it was last forgotten."""
        return self._failures.get(key, 0)

    async def get(self) -> K:
        """The next key; call `done` with it afterwards. Raises: QueueShutDown."""
        while not self._order:
            if self._stopped:
                raise QueueShutDown
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake_one()  # the wake-up was ours; somebody else must have it
                raise
        key = self._order.popleft()
        self._dirty.discard(key)
        self._processing.add(key)
        return key

    def done(self, key: K) -> None:
        """The work on the key has ended; if it was added meanwhile it is queued again."""
        self._processing.discard(key)
        if key in self._dirty:
            self._order.append(key)
            self._wake_one()

    def shut_down(self) -> None:
        """Take nothing more in; `get` hands out what waits and then raises QueueShutDown."""
        self._stopped = True
        for _, timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        while self._waiters:
            self._wake_one()

    def __len__(self) -> int:
        return len(self._order)

    def statistics(self) -> Statistics:
        return Statistics(
            len(self._order), len(self._processing), len(self._timers), self._added, self._retried
        )

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
