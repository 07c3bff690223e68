"""One leader at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steersman.api import kinds
from steersman.client.leaderelection import LeadershipLost, leader_lease
from steersman.runtime.clock import FakeClock
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from steersman.client import Client


async def lead(client: Client, name: str, clock: FakeClock, log: list[str]) -> None:
    async with leader_lease(client, "c", "kube-system", name, clock=clock):
        log.append(name)
        await clock.sleep(1000)


async def test_the_second_takes_over_when_the_first_gives_up(client: Client) -> None:
    clock, log = FakeClock(), list[str]()
    async with TaskGroup() as group:
        first = group.spawn(lead(client, "first", clock, log), "first")
        await clock.settle(200)
        second = group.spawn(lead(client, "second", clock, log), "second")
        await clock.run_for(30)
        await clock.settle(200)
        assert log == ["first"]
        first.cancel()
        await clock.settle(200)
        for _ in range(5):
            await clock.run_for(2)
            await clock.settle(200)
        second.cancel()
    assert log == ["first", "second"]
    lease = await client.get(kinds.LEASES, "c", "kube-system")
    assert lease["spec"]["leaseTransitions"] == 1


async def test_a_leader_whose_lease_was_taken_stops(client: Client) -> None:
    clock, log = FakeClock(), list[str]()

    async def robbed() -> None:
        with pytest.raises(LeadershipLost):
            await lead(client, "first", clock, log)

    async with TaskGroup() as group:
        group.spawn(robbed(), "robbed")
        await clock.settle(200)
        patch = {"spec": {"holderIdentity": "thief"}}
        await client.patch(kinds.LEASES, "c", patch, "kube-system")
        for _ in range(3):
            await clock.run_for(2)
            await clock.settle(200)
    assert log == ["first"]
