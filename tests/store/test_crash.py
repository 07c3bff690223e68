"""Nothing acknowledged is lost when the process is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from steersman.store.sqlite import SQLiteStore

WRITER = Path(__file__).with_name("crash_writer.py")


def acknowledged(path: str, lines: int) -> dict[str, int]:
    """Let the writer run until it has acknowledged so many writes, kill it, return all it told of."""
    writer = subprocess.Popen([sys.executable, str(WRITER), path], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    try:
        told = [writer.stdout.readline() for _ in range(lines)]
    finally:
        writer.kill()
        rest, _ = writer.communicate()
    told += rest.splitlines()[:-1]  # the last line may be cut
    pairs = (line.split() for line in told)
    return {key.decode(): int(revision) for key, revision in pairs}


@pytest.mark.slow
async def test_every_acknowledged_write_survives_sigkill(tmp_path: Path) -> None:
    path = str(tmp_path / "state.db")
    expected: dict[str, int] = {}
    for lines in (50, 200, 333):
        expected |= acknowledged(path, lines)
        store = await SQLiteStore.open(path)
        stored = {entry.key: entry.revision for entry in (await store.range("/a/")).entries}
        assert expected.items() <= stored.items()
        assert sorted(stored.values()) == list(range(2, store.revision + 1))
        await store.close()
