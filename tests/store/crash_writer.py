"""Writes to a SQLite store until it is killed; prints what was acknowledged, a line a write: key,
revision."""

from __future__ import annotations

import asyncio
import sys

from steersman.store.sqlite import SQLiteStore


async def main(path: str) -> None:
    store = await SQLiteStore.open(path)

    async def write(worker: int) -> None:
        i = 0
        while True:
            key = f"/a/{worker}/{store.revision}-{i}"
            entry = await store.put(key, key.encode() * 20, expect=0)
            sys.stdout.write(f"{key} {entry.revision}\n")
            sys.stdout.flush()
            i += 1

    await asyncio.gather(*(write(worker) for worker in range(16)))


asyncio.run(main(sys.argv[1]))
