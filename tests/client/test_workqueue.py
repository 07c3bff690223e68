"""Invariants of the work queue."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steersman.client import QueueShutDown, WorkQueue
from steersman.runtime.clock import FakeClock


async def test_a_key_added_twice_is_handed_out_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    queue.add("a")
    assert await queue.get() == "a"
    assert len(queue) == 0


async def test_a_key_added_while_processed_comes_again_after_done() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    await queue.get()
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await queue.get() == "a"


async def test_the_shortest_delay_wins() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    for seconds in (5, 2, 9):
        queue.add_after("a", seconds)
    clock.advance(1.9)
    assert len(queue) == 0
    clock.advance(0.2)
    assert len(queue) == 1
    clock.advance(20)
    assert len(queue) == 1


async def test_failures_back_off_until_forgotten() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock)
    waits = []
    for _ in range(3):
        queue.add_rate_limited("a")
        start = clock.monotonic()
        while not len(queue):
            clock.advance(0.001)
        waits.append(round(clock.monotonic() - start, 3))
        queue.done(await queue.get())
    assert waits == [0.005, 0.01, 0.02]
    assert queue.failures("a") == 3
    queue.forget("a")
    assert queue.failures("a") == 0


async def test_shut_down_wakes_those_who_wait() -> None:
    queue: WorkQueue[str] = WorkQueue()
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.shut_down()
    with pytest.raises(QueueShutDown):
        await waiting


async def test_a_cancelled_waiter_passes_its_wake_up_on() -> None:
    queue: WorkQueue[str] = WorkQueue()
    first, second = (asyncio.ensure_future(queue.get()) for _ in range(2))
    await asyncio.sleep(0)
    queue.add("a")
    first.cancel()
    assert await asyncio.wait_for(second, 1) == "a"


@given(st.lists(st.tuples(st.sampled_from("agd"), st.sampled_from("xyz")), max_size=60))
def test_no_key_is_lost_and_none_is_processed_twice_at_once(steps: list[tuple[str, str]]) -> None:
    async def play() -> None:
        queue: WorkQueue[str] = WorkQueue()
        processing: set[str] = set()
        owed: set[str] = set()
        for action, key in steps:
            if action == "a":
                queue.add(key)
                owed.add(key)
            elif action == "g" and len(queue):
                got = await queue.get()
                assert got not in processing
                processing.add(got)
                owed.discard(got)
            elif action == "d" and key in processing:
                processing.discard(key)
                queue.done(key)
        for key in processing:
            queue.done(key)
        while len(queue):
            owed.discard(await queue.get())
        assert not owed

    asyncio.run(play())
