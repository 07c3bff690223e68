"""Tasks have owners; time moves only when told."""

from __future__ import annotations

import asyncio

import pytest

from steersman.runtime.backoff import Backoff
from steersman.runtime.clock import FakeClock
from steersman.runtime.tasks import ReturnedError, TaskGroup, first_error


async def test_a_failed_child_ends_the_group_with_its_own_error() -> None:
    async def fail() -> None:
        raise ValueError("broken")

    async def both() -> None:
        async with TaskGroup() as group:
            group.spawn(fail(), "fail")
            group.forever(asyncio.Event().wait, "waits")

    with pytest.raises(BaseExceptionGroup) as caught:
        await both()
    assert str(first_error(caught.value)) == "broken"


async def test_an_eternal_task_that_returns_is_an_error() -> None:
    async def ends() -> None: ...

    with pytest.raises(BaseExceptionGroup) as caught:
        async with TaskGroup() as group:
            group.forever(ends, "ends")
    assert isinstance(first_error(caught.value), ReturnedError)


async def test_an_eternal_task_is_restarted_after_its_back_off() -> None:
    clock, starts = FakeClock(), []

    async def fail() -> None:
        starts.append(clock.monotonic())
        raise ValueError("again")

    async with TaskGroup() as group:
        task = group.forever(fail, "f", restart=Backoff(1, clock=clock), clock=clock)
        await clock.run_for(10)
        task.cancel()
    assert starts == [0, 1, 3, 7]


async def test_run_for_follows_chains_of_sleeps_in_order() -> None:
    clock, seen = FakeClock(), []

    async def every(seconds: float, name: str) -> None:
        while True:
            await clock.sleep(seconds)
            seen.append((clock.monotonic(), name))

    async with TaskGroup() as group:
        tasks = [group.spawn(every(2, "two"), "two"), group.spawn(every(3, "three"), "three")]
        await clock.run_for(6)
        for task in tasks:
            task.cancel()
    assert sorted(seen) == [(2, "two"), (3, "three"), (4, "two"), (6, "three"), (6, "two")]


def test_back_off_doubles_to_its_cap_and_forgets() -> None:
    clock = FakeClock()
    backoff = Backoff(1, cap=5, clock=clock)
    assert [backoff.next("a") for _ in range(5)] == [1, 2, 4, 5, 5]
    assert backoff.next("b") == 1
    backoff.forget("a")
    assert backoff.next("a") == 1
    backoff.next("a")
    clock.advance(100)
    assert backoff.next("a") == 1
