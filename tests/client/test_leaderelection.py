"""One leader at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from steersman.api import kinds
from steersman.client.leaderelection import LeadershipLost, leader_lease
from steersman.runtime.clock import FakeClock
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.client import Client


async def lead(client: Client, name: str, clock: FakeClock, log: list[str]) -> None:
    async with leader_lease(client, "c", "kube-system", name, clock=clock):
        log.append(name)
        await clock.sleep(1000)


async def until(question: Callable[[], bool], clock: FakeClock) -> None:
    """Let virtual time pass until it is so; within five real seconds."""
    async with asyncio.timeout(5):
        while not question():
            await clock.run_for(0.2)
            await asyncio.sleep(0.001)


async def test_the_second_takes_over_when_the_first_gives_up(client: Client) -> None:
    clock, log = FakeClock(), list[str]()
    async with TaskGroup() as group:
        first = group.spawn(lead(client, "first", clock, log), "first")
        await until(lambda: log == ["first"], clock)
        second = group.spawn(lead(client, "second", clock, log), "second")
        for _ in range(100):
            await clock.run_for(0.2)
            await asyncio.sleep(0.001)
        assert log == ["first"]
        first.cancel()
        await until(lambda: log == ["first", "second"], clock)
        second.cancel()
    lease = await client.get(kinds.LEASES, "c", "kube-system")
    assert lease["spec"]["leaseTransitions"] == 1


async def test_a_leader_whose_lease_was_taken_stops(client: Client) -> None:
    clock, log = FakeClock(), list[str]()

    async def robbed() -> None:
        with pytest.raises(LeadershipLost):
            await lead(client, "first", clock, log)

    async with TaskGroup() as group:
        task = group.spawn(robbed(), "robbed")
        await until(lambda: log == ["first"], clock)
        await client.patch(kinds.LEASES, "c", {"spec": {"holderIdentity": "thief"}}, "kube-system")
        await until(task.done, clock)
