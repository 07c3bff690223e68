"""When streaming answers are sent: at once while there is little to send, in rounds while there is much.

A change that hundreds watch is hundreds of encryptions and system calls. A round over all sinks that have
something to send may begin as soon as as much time has passed since the last one as that one took: a quiet
server waits for nothing, and a busy one sends several changes in one piece and has half of its time for
others.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

LONGEST_PAUSE = 0.01
"""Seconds a change waits at most for others to go along."""


class Flusher:
    """Calls the flush functions that were handed in, once each a round."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: list[Callable[[], None]] = []
        self._not_before = 0.0
        """By `time.perf_counter`: the loop's own clock stands still during a turn."""

    def soon(self, flush: Callable[[], None]) -> None:
        """Have a sink flushed in the next round."""
        if not self._due:
            pause = self._not_before - time.perf_counter()
            if pause > 0:
                self._loop.call_later(pause, self._round)
            else:
                self._loop.call_soon(self._round)
        self._due.append(flush)

    def _round(self) -> None:
        begun = time.perf_counter()
        due, self._due = self._due, []
        for flush in due:
            flush()
        ended = time.perf_counter()
        self._not_before = ended + min(ended - begun, LONGEST_PAUSE)
