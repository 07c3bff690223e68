"""The conformance suite over every store, and what only a store on disk can do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import apsw
import pytest
from tests.store.check_store import CheckStore, fill

from steersman.store.base import StoreUnavailable
from steersman.store.memory import MemoryStore
from steersman.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class TestMemory(CheckStore):
    @pytest.fixture
    async def store(self) -> MemoryStore:
        return MemoryStore()


class TestSQLite(CheckStore):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SQLiteStore]:
        store = await SQLiteStore.open(str(tmp_path / "state.db"))
        yield store
        await store.close()


async def test_a_reopened_database_has_everything(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    store = await SQLiteStore.open(path)
    (first,) = await fill(store, "x")
    await store.put("/a/x", b"2", expect=first)
    await fill(store, "y")
    last = await store.delete("/a/y", expect=None)
    await store.compact(first)
    await store.close()
    again = await SQLiteStore.open(path)
    assert (again.revision, again.compacted) == (last, first)
    entry = await again.put("/a/x", b"3", expect=first + 1)
    assert entry.created == first
    assert (await fill(again, "y"))[0] == last + 2
    await again.close()


async def test_a_snapshot_opens_as_a_store(tmp_path: Path) -> None:
    store = await SQLiteStore.open(str(tmp_path / "state.db"))
    await fill(store, "x")
    await store.snapshot(str(tmp_path / "copy.db"))
    copy = await SQLiteStore.open(str(tmp_path / "copy.db"))
    assert await copy.get("/a/x") == await store.get("/a/x")
    await store.close()
    await copy.close()


async def test_a_full_disk_refuses_writes_and_keeps_the_rest(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    store = await SQLiteStore.open(path)
    (first,) = await fill(store, "x")
    database = store._write_db
    ((pages,),) = database.execute("PRAGMA page_count")
    database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="full"):
        await store.put("/a/big", b"." * 100_000, expect=0)
    assert store.revision == first
    database.execute("PRAGMA max_page_count = 1000000")
    assert (await fill(store, "big"))[0] == first + 1
    await store.close()


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"nonsense" * 1000)
    with pytest.raises(StoreUnavailable, match=r"state\.db is damaged"):
        await SQLiteStore.open(str(path))


async def test_closing_finishes_what_was_accepted(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    store = await SQLiteStore.open(path)
    accepted = [store.put(f"/a/{i}", b"1", expect=0) for i in range(1000)]
    await store.close()
    assert len([await one for one in accepted]) == 1000
    database = apsw.Connection(path)
    assert database.execute("SELECT count(*) FROM log").fetchone() == (1000,)
    database.close()


async def test_the_log_is_folded_into_the_database_and_compaction_runs_beside_writes(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = await SQLiteStore.open(str(path))
    value = b"." * 20_000

    async def write(worker: int) -> None:
        for i in range(100):
            await store.put(f"/a/{worker}", value + b"%d" % i, expect=None)

    async def forget() -> None:
        for _ in range(10):
            await store.compact(store.revision)

    await asyncio.gather(*(write(worker) for worker in range(8)), forget())
    assert path.stat().st_size > 0
    assert (tmp_path / "state.db-wal").stat().st_size < 8 * 100 * len(value)
    assert [entry.key for entry in (await store.range("/a/")).entries] == [f"/a/{i}" for i in range(8)]
    await store.close()
