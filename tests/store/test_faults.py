"""A disk that is full, read-only, broken or slow: what was acknowledged stays, what was refused never
appears, and writing goes on as soon as the disk does."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import apsw
import pytest
from tests.store.check_store import CheckStore
from tests.store.faulty_disk import failing, faulty_disk

from steersman.store.base import StoreUnavailable
from steersman.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from steersman.store.base import Event

FAULTS = [
    pytest.param(apsw.FullError, "full", id="a full disk"),
    pytest.param(apsw.ReadOnlyError, "cannot be written", id="a disk that became read-only"),
    pytest.param(apsw.IOError, "state.db", id="a disk with errors"),
]


@pytest.mark.parametrize("operation", ["write", "sync"])
@pytest.mark.parametrize(("kind", "text"), FAULTS)
async def test_a_failing_disk_is_named_and_survived(
    tmp_path: Path, kind: type[apsw.Error], text: str, operation: str
) -> None:
    path = str(tmp_path / "state.db")
    with faulty_disk() as disk:
        store = await SQLiteStore.open(path)
        kept = await store.put("/a/kept", b"1", expect=0)
        setattr(disk, operation, failing(kind))
        with pytest.raises(StoreUnavailable, match=text):
            await store.put("/a/refused", b"1", expect=0)
        with pytest.raises(StoreUnavailable, match=text):
            await store.delete("/a/kept", expect=kept.revision)
        with pytest.raises(StoreUnavailable, match=text):
            await store.check()
        assert await store.get("/a/kept") == kept
        setattr(disk, operation, None)
        await store.check()
        after = await store.put("/a/after", b"1", expect=0)
        assert after.revision == kept.revision + 1
        await store.close()
    again = await SQLiteStore.open(path)
    assert [entry.key for entry in (await again.range("/a/")).entries] == ["/a/after", "/a/kept"]
    await again.close()


def _sometimes(random: Random, kind: type[apsw.Error]) -> Callable[[], None]:
    def fail() -> None:
        if random.random() < 0.1:
            raise kind("now and then")

    return fail


@pytest.mark.parametrize("seed", range(4))
async def test_under_random_failures_acknowledgements_watches_and_the_file_agree(
    tmp_path: Path, seed: int
) -> None:
    random, path = Random(seed), str(tmp_path / "state.db")
    with faulty_disk() as disk:
        store = await SQLiteStore.open(path)
        seen: list[Event] = []
        start = store.revision
        await store.watch("", after=start, deliver=seen.extend)
        kind = random.choice((apsw.FullError, apsw.IOError))
        disk.write = disk.sync = _sometimes(random, kind)
        told: dict[str, int] = {}

        async def write(worker: int) -> None:
            for i in range(60):
                try:
                    entry = await store.put(f"/a/{worker}/{i}", b"." * random.randrange(9000), expect=0)
                except StoreUnavailable:
                    continue
                told[entry.key] = entry.revision

        await asyncio.gather(*(write(worker) for worker in range(6)))
        disk.write = disk.sync = None
        await store.close()
    assert 0 < len(told) < 360
    assert {event.entry.key: event.entry.revision for event in seen} == told
    assert [event.entry.revision for event in seen] == list(range(start + 1, start + 1 + len(told)))
    again = await SQLiteStore.open(path)
    assert {entry.key: entry.revision for entry in (await again.range("/a/")).entries} == told
    await again.close()


async def test_a_slow_disk_does_not_hold_up_the_event_loop(tmp_path: Path) -> None:
    with faulty_disk() as disk:
        store = await SQLiteStore.open(str(tmp_path / "state.db"))
        disk.delay = 0.02
        await store.put("/a/first", b"1", expect=0)  # shows how slow it is
        before = disk.calls["sync"]
        writes = asyncio.gather(*(store.put(f"/a/{i}", b"1", expect=0) for i in range(200)))
        turns = 0
        while not writes.done():
            turns += 1
            await asyncio.sleep(0)
        assert turns > 50  # the loop went on turning while the disk was busy
        assert disk.calls["sync"] - before <= 5  # and the writes shared their commits
        disk.delay = 0.0
        await store.close()


class TestSQLiteOnASlowDisk(CheckStore):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SQLiteStore]:
        with faulty_disk() as disk:
            disk.delay = 0.002
            store = await SQLiteStore.open(str(tmp_path / "state.db"))
            yield store
            await store.close()
