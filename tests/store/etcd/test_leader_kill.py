"""Three members: killing the leader loses nothing and pauses writes only for the election."""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING

import grpc.aio
import pytest
from tests.store.etcd.servers import Etcd

from steersman.store.base import StoreUnavailable
from steersman.store.etcd.store import EtcdStore
from steersman.wire.etcd import etcd_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from steersman.store.base import Entry, Event

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(60),
    pytest.mark.skipif(shutil.which("etcd") is None, reason="etcd is not installed"),
]

PAUSE = 5.0
"""Seconds a write may take across an election; elections take about one here."""


async def leader_of(store: EtcdStore) -> int:
    """Return the index of the member that leads."""
    leader = 0
    while not leader:
        status = await store._members.call(lambda member: member.maintenance.Status, pb.StatusRequest())
        leader = status.leader
    for index, member in enumerate(store._members._members):
        try:
            own = await member.maintenance.Status(pb.StatusRequest(), timeout=2)
        except grpc.aio.AioRpcError:  # it is dead
            continue
        if own.header.member_id == leader:
            return index
    raise AssertionError("nobody leads")


class Writers:
    """Counters, each swapped up by one owner, and everything that was acknowledged."""

    def __init__(self, store: EtcdStore) -> None:
        self.store, self.stop, self.longest = store, False, 0.0
        self.acknowledged: list[Entry] = []

    async def write(self, name: str) -> None:
        expect = 0
        while not self.stop:
            start = time.monotonic()
            entry = await self.store.put(f"/a/{name}", b"%d" % expect, expect=expect)
            self.longest = max(self.longest, time.monotonic() - start)
            self.acknowledged.append(entry)
            expect = entry.revision


async def test_killing_the_leader_loses_nothing(tmp_path: Path) -> None:
    with Etcd(tmp_path, members=3) as cluster:
        store, reader = [await EtcdStore.open(cluster.endpoints) for _ in range(2)]
        seen: list[Event] = []
        await reader.watch("/a/", after=reader.revision, deliver=seen.extend)
        writers = Writers(store)
        running = asyncio.gather(*(writers.write(str(i)) for i in range(8)))
        for _ in range(3):
            await asyncio.sleep(0.5)
            leader = await leader_of(store)
            cluster.kill(leader)
            await asyncio.sleep(2.0)
            cluster.start(leader)
            await asyncio.sleep(1.0)
        writers.stop = True
        await running
        await reader.catch_up()
        check(writers.acknowledged, seen)
        assert writers.longest < PAUSE
        await store.close()
        await reader.close()


def check(acknowledged: Sequence[Entry], seen: Sequence[Event]) -> None:
    """Every acknowledged write was seen once, in order, and nothing else was written."""
    revisions = [event.entry.revision for event in seen]
    assert revisions == sorted(set(revisions))
    assert {entry.revision: entry for entry in acknowledged} == {
        event.entry.revision: event.entry for event in seen
    }
    assert len(seen) > 100


async def test_without_a_majority_writes_are_refused_and_go_on_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Etcd(tmp_path, members=3) as cluster:
        store = await EtcdStore.open(cluster.endpoints)
        monkeypatch.setattr("steersman.store.etcd.members.PATIENCE_SECONDS", 1.0)
        for index in (0, 1):
            cluster.kill(index)
        with pytest.raises(StoreUnavailable):
            await store.put("/a/x", b"1", expect=0)
        for index in (0, 1):
            cluster.start(index)
        monkeypatch.setattr("steersman.store.etcd.members.PATIENCE_SECONDS", 20.0)
        entry = await store.put("/a/y", b"1", expect=0)
        assert await store.get("/a/y") == entry
        await store.close()
