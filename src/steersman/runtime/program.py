"""The outermost frame of every component process: event loop, signals, exit status.

SIGTERM and SIGINT cancel the main task, whose `finally` blocks are the shutdown; a second signal ends the
process at once. A failure is logged with what the user should know and gives exit status 1.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from typing import TYPE_CHECKING, Any

import uvloop

from steersman.runtime.tasks import first_error

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["CannotStart", "run"]

log = logging.getLogger("steersman.runtime.program")


class CannotStart(Exception):
    """Something the user has to put right first: told without a traceback."""


def run(main: Callable[[], Coroutine[Any, Any, object]], name: str) -> int:
    """Run `main()` to its end or to a signal; returns the exit status (0 after a clean stop)."""
    _set_title(name)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_supervise(main))
    except KeyboardInterrupt:
        return 130


async def _supervise(main: Callable[[], Coroutine[Any, Any, object]]) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    stopping: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if stopping:
            os._exit(128 + number)
        stopping.append(number)
        log.info("stopping on %s", number.name)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    # What was imported stays for good: keep it out of every later collection.
    gc.collect()
    gc.freeze()
    try:
        await main()
    except asyncio.CancelledError:
        if not stopping:
            raise
    except CannotStart as error:
        log.error("cannot start: %s", error)
        return 1
    except Exception as error:  # the frame of the program (BLE001): logs and ends
        cause = first_error(error)
        log.error("%s: %s", type(cause).__name__, cause, exc_info=cause)
        return 1
    return 0


def _set_title(name: str) -> None:
    """Name the process for `ps` and `top` (the kernel keeps 15 bytes)."""
    try:
        with open("/proc/self/comm", "w", encoding="utf-8") as comm:
            comm.write(name[:15])
    except OSError as error:
        log.debug("cannot set the process name: %s", error)
