"""Time as a dependency: everything that waits or stamps takes a `Clock`.

`SystemClock` is the machine's time on the running event loop. `FakeClock` stands still until a test moves
it, so a five-minute back-off costs nothing. Wall time (`time`, seconds since the epoch) goes into objects;
monotonic time (`monotonic`, seconds from an arbitrary start) measures intervals. They are never mixed.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock", "FakeClock", "SystemClock", "Timer"]


class Timer(Protocol):
    """A pending call that can be called off."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    def time(self) -> float:
        """Wall time in seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    def call_later(self, seconds: float, fn: Callable[..., object], *args: Any) -> Timer:
        """Call `fn(*args)` on the running loop after `seconds`."""
        ...


class SystemClock:
    """The machine's clock."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0))

    def call_later(self, seconds: float, fn: Callable[..., object], *args: Any) -> Timer:
        return asyncio.get_running_loop().call_later(max(seconds, 0), fn, *args)


class _FakeTimer:
    __slots__ = ("args", "cancelled", "fn")

    def __init__(self, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.fn = fn
        self.args = args
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    """A clock that moves only by `advance` (or `run_for`); timers fire in order of their time."""

    def __init__(self, start: float = 1_767_225_600.0) -> None:
        self._wall = start
        self._mono = 0.0
        self._timers: list[tuple[float, int, _FakeTimer]] = []
        self._sequence = itertools.count()

    def time(self) -> float:
        return self._wall

    def monotonic(self) -> float:
        return self._mono

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, lambda: None if woken.done() else woken.set_result(None))
        try:
            await woken
        finally:
            timer.cancel()

    def call_later(self, seconds: float, fn: Callable[..., object], *args: Any) -> Timer:
        timer = _FakeTimer(fn, args)
        heapq.heappush(self._timers, (self._mono + max(seconds, 0), next(self._sequence), timer))
        return timer

    @property
    def waiting(self) -> int:
        """How many timers and sleepers are pending."""
        return sum(not timer.cancelled for _, _, timer in self._timers)

    def advance(self, seconds: float) -> None:
        """Move time; every timer due by then fires. Woken tasks run when the caller next awaits."""
        target = self._mono + seconds
        while self._timers and self._timers[0][0] <= target:
            self._fire_next()
        self._move_to(target)

    async def run_for(self, seconds: float) -> None:
        """Move time timer by timer and let tasks settle in between, so chains of sleeps are followed."""
        target = self._mono + seconds
        await self.settle()
        while self._timers and self._timers[0][0] <= target:
            self._fire_next()
            await self.settle()
        self._move_to(target)
        await self.settle()

    @staticmethod
    async def settle(rounds: int = 20) -> None:
        """Let every ready task run on."""
        for _ in range(rounds):
            await asyncio.sleep(0)

    def _fire_next(self) -> None:
        due, _, timer = heapq.heappop(self._timers)
        if timer.cancelled:
            return
        self._move_to(due)
        timer.fn(*timer.args)

    def _move_to(self, mono: float) -> None:
        step = mono - self._mono
        if step > 0:
            self._mono = mono
            self._wall += step
