"""Tasks with owners: the only place where a task is made.

A task lives in a `TaskGroup` that somebody holds open with `async with`; it never outlives that block, and
its exception cancels its siblings and comes out of the block. Cancellation is the way to stop. Blocking work
goes through `to_thread`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from steersman.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from steersman.runtime.backoff import Backoff
    from steersman.runtime.clock import Clock

__all__ = ["ReturnedError", "TaskGroup", "first_error", "to_thread"]

T = TypeVar("T")
P = ParamSpec("P")
log = logging.getLogger("steersman.runtime.tasks")


class ReturnedError(RuntimeError):
    """A task that was to run for ever came to an end."""


class TaskGroup(asyncio.TaskGroup):
    """`asyncio.TaskGroup` whose tasks have names, with supervision for those that never end."""

    def spawn(self, coro: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run `coro` as a child; its failure fails the group."""
        return self.create_task(coro, name=name)

    def cancel_all(self) -> None:
        """Cancel every running child: how a group of endless tasks is brought to its end from inside."""
        for task in tuple(self._tasks):
            task.cancel()

    def forever(
        self,
        fn: Callable[[], Awaitable[object]],
        name: str,
        *,
        restart: Backoff | None = None,
        clock: Clock | None = None,
    ) -> asyncio.Task[None]:
        """Run `fn()` until cancelled; that it returns is an error (`ReturnedError`).

        With `restart`, a failure is logged and `fn` is called again after the back-off for `name`; without,
        the failure fails the group.
        """
        return self.spawn(_forever(fn, name, restart, clock or SystemClock()), name)


async def _forever(
    fn: Callable[[], Awaitable[object]], name: str, restart: Backoff | None, clock: Clock
) -> None:
    while True:
        try:
            await fn()
            raise ReturnedError(f"{name} returned, but should run until cancelled")
        except Exception:  # the supervisor of the task (BLE001): logs
            if restart is None:
                raise
            delay = restart.next(name)
            log.exception("%s failed; starting it again in %.1f s", name, delay)
        await clock.sleep(delay)


async def to_thread(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking function in a worker thread. A cancelled caller leaves the thread to finish by
    itself."""
    return await asyncio.to_thread(fn, *args, **kwargs)


def first_error(error: BaseException) -> BaseException:
    """The first leaf of a tree of exception groups: what a user should be told."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
