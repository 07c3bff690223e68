"""Notices what happens in the runtime: by its events where it has them, else by looking every second.

CRI events (containerd 1.7, CRI-O) come first, then containerd's own event service, then polling.  Events
only say "look": the truth is always a relist, and one is made now and then in any case.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from steersman.kubelet.cri.client import RuntimeCallFailed
from steersman.runtime.backoff import Backoff
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from steersman.kubelet.cri.cache import RuntimeCache
    from steersman.kubelet.cri.client import Runtime
    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.kubelet.cri")

POLL_SECONDS = 1.0  # without events
SAFETY_SECONDS = 15.0  # with events: in case one was lost
ECHO_SECONDS = 0.25  # after an event the runtime may need this long to show its effect
GATHER_SECONDS = 0.02  # events that come together are looked at together


class RuntimeWatch:
    """Relists when something happened; `on_change(uid)` for every pod that is not as it was."""

    def __init__(
        self, runtime: Runtime, cache: RuntimeCache, clock: Clock, on_change: Callable[[str], None]
    ) -> None:
        self._runtime = runtime
        self._cache = cache
        self._clock = clock
        self._on_change = on_change
        self._wake = asyncio.Event()
        self._happened = False
        self._with_events = False

    async def run(self) -> None:
        async with TaskGroup() as group:
            group.spawn(self._listen(), "runtime events")
            group.spawn(self._look_forever(), "runtime relist")

    async def _look_forever(self) -> None:
        while True:
            await self._look()
            pause = SAFETY_SECONDS if self._with_events else POLL_SECONDS
            timer = self._clock.call_later(pause, self._wake.set)
            await self._wake.wait()
            timer.cancel()
            self._wake.clear()
            if self._happened:
                self._happened = False
                await self._clock.sleep(GATHER_SECONDS)
                await self._look()
                await self._clock.sleep(ECHO_SECONDS)

    async def _look(self) -> None:
        try:
            for uid in await self._cache.relist():
                self._on_change(uid)
        except RuntimeCallFailed as error:
            log.warning("cannot list pods in the runtime: %s", error)

    async def _listen(self) -> None:
        backoff = Backoff(0.5, cap=30.0, clock=self._clock)
        sources = [self._runtime.events, self._runtime.containerd_exits]
        while sources:
            try:
                await self._follow(sources[0]())
            except RuntimeCallFailed as error:
                if error.code == "Unimplemented":
                    sources.pop(0)
                    continue
                log.info("runtime events: %s", error)
            finally:
                self._with_events = False
                self._wake.set()
            await self._clock.sleep(backoff.next())
        log.info("the runtime has no events: looking every %.0f s", POLL_SECONDS)
        await asyncio.get_running_loop().create_future()

    async def _follow(self, events: AsyncIterator[object]) -> None:
        self._with_events = True
        async for _ in events:
            self._happened = True
            self._wake.set()
