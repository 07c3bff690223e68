from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.scheduler.objects import World, pod

from steersman.runtime.clock import FakeClock
from steersman.scheduler.config import SchedulerConfig
from steersman.scheduler.framework import Event
from steersman.scheduler.queue import Queue, Waiting

if TYPE_CHECKING:
    from steersman.scheduler.podinfo import PodInfo

FIT = frozenset(("Fit",))


def queue_of(*names: str) -> tuple[Queue, FakeClock]:
    clock = FakeClock()
    queue = Queue(SchedulerConfig(), clock, {"Fit": frozenset((Event.POD_GONE,)), "Taint": frozenset()})
    for name in names:
        queue.add(info(name))
    return queue, clock


def info(name: str, **spec: Any) -> PodInfo:
    return World().info(pod(name, **spec))


def popped(queue: Queue) -> list[str]:
    found = []
    while (waiting := queue.pop()) is not None:
        found.append(waiting.pod.name)
    return found


def pop(queue: Queue) -> Waiting:
    waiting = queue.pop()
    assert waiting is not None
    return waiting


def test_priority_comes_first_then_who_waits_longest() -> None:
    queue, clock = queue_of("old")
    clock.advance(1)
    queue.add(info("new"))
    queue.add(info("vip", priority=10))
    assert popped(queue) == ["vip", "old", "new"]


def test_an_event_that_concerns_it_moves_a_pod_on_after_its_backoff() -> None:
    queue, clock = queue_of("a")
    queue.put_back(pop(queue), FIT)
    assert queue.statistics()["unschedulable"] == 1
    queue.move(Event.NODE_LABELS)
    assert queue.statistics()["unschedulable"] == 1
    queue.move(Event.POD_GONE)
    assert queue.statistics()["backoff"] == 1
    assert popped(queue) == []
    clock.advance(1)
    assert popped(queue) == ["a"]


def test_backoff_doubles_up_to_its_cap() -> None:
    queue, clock = queue_of("a")
    waits = []
    for _ in range(6):
        queue.put_back(pop(queue), frozenset())
        start = clock.monotonic()
        while not queue._active:
            clock.advance(0.5)
            queue._ripen()
        waits.append(clock.monotonic() - start)
    assert waits == [1, 2, 4, 8, 10, 10]


def test_gates_hold_a_pod_until_they_are_gone() -> None:
    queue, _ = queue_of()
    queue.add(info("a", schedulingGates=[{"name": "x"}]))
    assert popped(queue) == []
    queue.add(info("a"))
    assert popped(queue) == ["a"]


def test_a_change_of_the_pod_itself_lets_it_try_again() -> None:
    queue, clock = queue_of("a")
    queue.put_back(pop(queue), FIT)
    clock.advance(60)
    queue.add(info("a", tolerations=[{"operator": "Exists"}]))
    assert popped(queue) == ["a"]


def test_a_removed_pod_is_gone_from_everywhere() -> None:
    queue, clock = queue_of("a", "b")
    queue.put_back(pop(queue), FIT)
    for name in ("uid-a", "uid-b"):
        queue.remove(name)
    queue.move(Event.POD_GONE)
    clock.advance(60)
    assert popped(queue) == []
    assert len(queue) == 0


def test_a_pod_no_event_concerns_is_tried_again_after_long() -> None:
    queue, clock = queue_of("a")
    queue.put_back(pop(queue), FIT)
    clock.advance(299)
    queue.flush()
    assert popped(queue) == []
    clock.advance(1)
    queue.flush()
    assert popped(queue) == ["a"]


async def test_waiting_ends_when_a_backoff_does() -> None:
    queue, clock = queue_of("a")
    queue.put_back(pop(queue), frozenset())
    task = asyncio.ensure_future(queue.wait_active())
    await clock.run_for(0.9)
    assert not task.done()
    await clock.run_for(0.2)
    assert task.done()
