"""Seats, queues and fair turns of one priority level; how seats are lent."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steersman.apiserver.fairness.levels import Full, Level, deal
from steersman.apiserver.fairness.limits import Claim, plan_limits, plan_nominal

if TYPE_CHECKING:
    from steersman.api.types import Object


def level(limit: int, queues: int = 64, hand: int = 4, length: int = 10, kind: str = "Queue") -> Level:
    response: Object = {"type": kind}
    if kind == "Queue":
        response["queuing"] = {"queues": queues, "handSize": hand, "queueLengthLimit": length}
    made = Level("test")
    made.configure(
        {"metadata": {"name": "test"}, "spec": {"type": "Limited", "limited": {"limitResponse": response}}}
    )
    made.limit = limit
    return made


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_finds_no_seat_waits_for_one() -> None:
    one = level(1)
    assert one.take(1)
    assert not one.take(1)
    waiting = asyncio.ensure_future(one.wait("a", 1))
    await settle()
    assert one.waiting == 1
    one.release(1)
    await waiting
    assert (one.waiting, one.in_use) == (0, 1)


async def test_nobody_overtakes_those_who_wait() -> None:
    one = level(2)
    assert one.take(2)
    waiting = asyncio.ensure_future(one.wait("a", 2))
    await settle()
    one.in_use = 1  # a seat is free, but two are waited for
    assert not one.take(1)
    one.release(1)
    await waiting


async def test_a_full_queue_refuses() -> None:
    one = level(1, queues=1, hand=1, length=2)
    assert one.take(1)
    waiting = [asyncio.ensure_future(one.wait("a", 1)) for _ in range(2)]
    await settle()
    with pytest.raises(Full, match="queue-full"):
        await one.wait("a", 1)
    for _ in waiting:
        one.release(1)
        await settle()
    await asyncio.gather(*waiting)


async def test_a_level_without_queues_refuses_at_once() -> None:
    one = level(1, kind="Reject")
    assert one.take(1)
    with pytest.raises(Full, match="concurrency-limit"):
        await one.wait("a", 1)


async def test_who_waits_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steersman.apiserver.fairness.levels.WAIT_SECONDS", 0.01)
    one = level(1)
    assert one.take(1)
    with pytest.raises(Full, match="time-out"):
        await one.wait("a", 1)
    assert one.waiting == 0


async def test_who_gives_up_leaves_no_seat_taken() -> None:
    one = level(1)
    assert one.take(1)
    waiting = asyncio.ensure_future(one.wait("a", 1))
    await settle()
    one.release(1)  # the seat is given to the one who ...
    waiting.cancel()  # ... gives up in the same moment
    await asyncio.gather(waiting, return_exceptions=True)
    assert (one.in_use, one.waiting) == (0, 0)


async def test_a_flood_does_not_keep_others_waiting() -> None:
    one = level(1, length=100)
    assert one.take(1)
    order: list[str] = []

    async def ask(flow: str) -> None:
        await one.wait(flow, 1)
        order.append(flow)

    tasks = [asyncio.ensure_future(ask("flood")) for _ in range(50)]
    await settle()
    tasks.append(asyncio.ensure_future(ask("other")))
    await settle()
    for _ in tasks:
        one.release(1)
        await settle()
    assert order.index("other") < 8


def test_a_hand_is_the_same_every_time_and_has_no_queue_twice() -> None:
    hands = {tuple(deal(f"flow-{i}", 128, 6)) for i in range(200)}
    assert len(hands) == 200
    assert all(len(set(hand)) == 6 and max(hand) < 128 for hand in hands)
    assert deal("a", 128, 6) == deal("a", 128, 6)


CLAIMS = st.lists(
    st.builds(
        Claim,
        shares=st.integers(1, 100),
        lendable=st.floats(0, 1),
        borrowing=st.one_of(st.just(inf), st.floats(0, 3)),
        wanted=st.integers(0, 2000),
    ),
    min_size=1,
    max_size=10,
)


@given(CLAIMS)
def test_lending_gives_away_no_more_than_there_is_and_keeps_what_is_not_lent(claims: list[Claim]) -> None:
    nominal, limits = plan_nominal(600, [claim.shares for claim in claims]), plan_limits(600, claims)
    assert sum(limits) <= sum(nominal)
    for claim, own, limit in zip(claims, nominal, limits, strict=True):
        assert limit >= min(own, claim.wanted)
        assert limit >= own - own * claim.lendable


def test_an_idle_level_lends_to_a_busy_one() -> None:
    busy, idle = Claim(10, 0.5, inf, 100), Claim(10, 0.5, inf, 0)
    assert plan_limits(100, [busy, idle]) == [75, 25]
