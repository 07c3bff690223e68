"""The conformance suite over a real etcd, and what only a shared, remote store has to stand."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.store.check_store import CheckStore, fill
from tests.store.etcd.servers import Etcd

from steersman.store.base import Compacted, StoreUnavailable
from steersman.store.etcd.store import EtcdStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from steersman.store.base import Event

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("etcd") is None, reason="etcd is not installed"),
]


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    with Etcd(tmp_path_factory.mktemp("etcd")) as cluster:
        yield cluster


def empty(etcd: Etcd) -> None:
    etcdctl("--endpoints", etcd.endpoints[0], "del", "", "--prefix")


@pytest.fixture
async def store(etcd: Etcd) -> AsyncIterator[EtcdStore]:
    empty(etcd)
    store = await EtcdStore.open(etcd.endpoints)
    yield store
    await store.close()


@pytest.fixture
async def other(etcd: Etcd, store: EtcdStore) -> AsyncIterator[EtcdStore]:
    other = await EtcdStore.open(etcd.endpoints)
    yield other
    await other.close()


class TestEtcd(CheckStore):
    @pytest.fixture
    async def store(self, etcd: Etcd) -> AsyncIterator[EtcdStore]:
        empty(etcd)
        store = await EtcdStore.open(etcd.endpoints)
        yield store
        await store.close()


async def test_what_another_process_was_told_is_seen_after_catching_up(
    store: EtcdStore, other: EtcdStore
) -> None:
    seen: list[Event] = []
    await store.watch("/a/", after=store.revision, deliver=seen.extend)
    for i in range(100):
        entry = await other.put("/a/x", b"%d" % i, expect=None)
        await store.catch_up()
        assert store.revision >= entry.revision
        assert seen[-1].entry == entry


async def test_catching_up_gets_past_what_is_not_under_the_root(etcd: Etcd, store: EtcdStore) -> None:
    narrow = await EtcdStore.open(etcd.endpoints, root="/registry/")
    foreign = await store.put("/elsewhere", b"1", expect=None)
    await narrow.catch_up()
    assert narrow.revision >= foreign.revision
    await narrow.close()


async def test_of_swaps_by_two_processes_one_wins(store: EtcdStore, other: EtcdStore) -> None:
    (first,) = await fill(store, "x")
    outcomes = await asyncio.gather(
        *(one.put("/a/x", b"%d" % i, expect=first) for i, one in enumerate((store, other) * 10)),
        return_exceptions=True,
    )
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1


async def test_a_watch_from_before_the_memory_of_the_process_has_everything(
    store: EtcdStore, etcd: Etcd
) -> None:
    start = store.revision
    await asyncio.gather(*(store.put(f"/a/{i}", b"1", expect=0) for i in range(2500)))
    await store.delete("/a/7", expect=None)
    for reader in (store, await EtcdStore.open(etcd.endpoints)):
        seen: list[Event] = []
        await reader.watch("/a/", after=start, deliver=seen.extend)
        revisions = [event.entry.revision for event in seen]
        assert revisions == sorted(set(revisions))
        assert len(revisions) == 2501
        if reader is not store:
            await reader.close()


async def test_another_process_compacting_is_noticed(store: EtcdStore, other: EtcdStore) -> None:
    (first,) = await fill(store, "x")
    last = await other.put("/a/x", b"2", expect=first)
    await store.catch_up()
    await other.compact(last.revision)
    with pytest.raises(Compacted):
        await store.range("/a/", revision=first)
    assert store.compacted == last.revision
    await store.compact(first)


async def test_a_process_cut_off_for_too_long_is_told_to_read_anew(
    store: EtcdStore, other: EtcdStore
) -> None:
    lost: list[int] = []
    seen: list[Event] = []

    async def note(revision: int) -> None:
        lost.append(revision)

    await store.watch("/a/", after=store.revision, deliver=seen.extend, lost=note)
    await fill(other, "x")
    entry = await other.put("/a/x", b"2", expect=None)
    await other.compact(entry.revision)
    await store._follower._bridge(entry.revision)  # what the follower does on etcd's answer
    assert lost == [entry.revision]
    after = await other.put("/a/x", b"3", expect=None)
    await store.catch_up()
    assert seen[-1].entry == after


def etcdctl(*arguments: str) -> bytes:
    environment = {"ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"}
    return subprocess.run(["etcdctl", *arguments], check=True, capture_output=True, env=environment).stdout


async def test_a_snapshot_is_one_that_etcd_accepts(store: EtcdStore, tmp_path: Path) -> None:
    await fill(store, "x")
    path = tmp_path / "snapshot.db"
    await store.snapshot(str(path))
    assert etcdctl("snapshot", "status", str(path))


async def test_a_cluster_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steersman.store.etcd.members.PATIENCE_SECONDS", 0.2)
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1\b"):
        await EtcdStore.open(["http://127.0.0.1:1"])
