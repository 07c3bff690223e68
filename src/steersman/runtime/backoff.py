"""Exponential back-off per key: 1, 2, 4, 8 … times `base`, up to `cap`, forgotten after a quiet time."""

from __future__ import annotations

import random as _random
from typing import TYPE_CHECKING

from steersman.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from steersman.runtime.clock import Clock

__all__ = ["Backoff"]

_SWEEP_ABOVE = 1024  # keys; beyond this, expired ones are dropped when a new one comes


class Backoff:
    """Delays in seconds, one series per key.

    `jitter` is a fraction: a delay `d` becomes a random value in `[d, d * (1 + jitter)]`. A key starts anew
    when it has not been asked for during `reset_after` seconds (default: twice the cap).
    """

    def __init__(
        self,
        base: float,
        factor: float = 2.0,
        cap: float = 60.0,
        jitter: float = 0.0,
        reset_after: float | None = None,
        *,
        clock: Clock | None = None,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self.base = base
        self.factor = factor
        self.cap = cap
        self.jitter = jitter
        self.reset_after = 2 * cap if reset_after is None else reset_after
        self._clock = clock or SystemClock()
        self._random = random
        self._state: dict[Hashable, tuple[float, float]] = {}  # key -> (delay, when asked)

    def next(self, key: Hashable = None) -> float:
        """The delay before the next try of `key`; each call makes the following one longer."""
        now = self._clock.monotonic()
        known = self._state.get(key)
        if known is None or now - known[1] > self.reset_after + known[0]:
            delay = self.base
        else:
            delay = min(known[0] * self.factor, self.cap)
        if known is None and len(self._state) >= _SWEEP_ABOVE:
            self._sweep(now)
        self._state[key] = (delay, now)
        return delay * (1 + self.jitter * self._random()) if self.jitter else delay

    def current(self, key: Hashable = None) -> float:
        """The delay last given for `key` (0 when none), without making it longer."""
        known = self._state.get(key)
        return known[0] if known else 0.0

    def forget(self, key: Hashable = None) -> None:
        """The key did well: its next delay is `base`."""
        self._state.pop(key, None)

    def _sweep(self, now: float) -> None:
        for key, (delay, asked) in list(self._state.items()):
            if now - asked > self.reset_after + delay:
                del self._state[key]
