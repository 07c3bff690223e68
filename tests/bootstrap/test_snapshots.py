"""Snapshots: of one moment, checked before they are trusted, restored only where nobody writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steersman.bootstrap import snapshots
from steersman.bootstrap.errors import BootstrapError
from steersman.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path


async def fill(directory: Path, *keys: str) -> SQLiteStore:
    store = await SQLiteStore.open(str(directory / "state.db"))
    for key in keys:
        await store.put(key, key.encode(), expect=0)
    return store


async def keys(directory: Path) -> list[str]:
    store = await SQLiteStore.open(str(directory / "state.db"))
    try:
        return [entry.key for entry in (await store.range("/")).entries]
    finally:
        await store.close()


async def test_a_snapshot_of_a_server_that_runs_holds_what_was_acknowledged(tmp_path: Path) -> None:
    store = await fill(tmp_path, "/a", "/b")
    saved = snapshots.save(tmp_path)
    await store.put("/c", b"later", expect=0)
    await store.close()
    assert saved.keys == 2
    assert snapshots.saved(tmp_path) == [saved]
    before = snapshots.restore(tmp_path, saved.path)
    assert await keys(tmp_path) == ["/a", "/b"]
    assert before is not None
    assert snapshots.inspect(before).keys == 3


async def test_a_database_in_use_is_not_replaced(tmp_path: Path) -> None:
    store = await fill(tmp_path, "/a")
    saved = snapshots.save(tmp_path)
    with pytest.raises(BootstrapError, match="in use by process"):
        snapshots.restore(tmp_path, saved.path)
    await store.close()


async def test_a_snapshot_is_never_overwritten(tmp_path: Path) -> None:
    await (await fill(tmp_path, "/a")).close()
    snapshots.save(tmp_path, tmp_path / "one.db")
    with pytest.raises(BootstrapError, match="exists already"):
        snapshots.save(tmp_path, tmp_path / "one.db")


async def test_a_damaged_snapshot_is_refused(tmp_path: Path) -> None:
    await (await fill(tmp_path, *(f"/{i}" for i in range(500)))).close()
    saved = snapshots.save(tmp_path, tmp_path / "one.db")
    content = bytearray(saved.path.read_bytes())
    content[8192:12288] = b"\xff" * 4096
    saved.path.write_bytes(content)
    with pytest.raises(BootstrapError, match=r"damaged|is not a snapshot"):
        snapshots.restore(tmp_path, saved.path)
    assert len(await keys(tmp_path)) == 500


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello")
    with pytest.raises(BootstrapError, match="is not a snapshot"):
        snapshots.inspect(tmp_path / "x")


def test_there_must_be_something_to_save(tmp_path: Path) -> None:
    with pytest.raises(BootstrapError, match="does not exist"):
        snapshots.save(tmp_path)
