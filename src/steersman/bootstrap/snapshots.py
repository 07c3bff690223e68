"""Snapshots of the objects of a cluster: the database, copied while it is in use, and put back.

A snapshot is one SQLite file that a store opens as it is. `save` reads the live database in a transaction
of its own, so that the copy is of one moment and nobody waits. `restore` replaces the database of a
server that does not run; what was there before is kept beside it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steersman.bootstrap.errors import BootstrapError

if TYPE_CHECKING:
    from collections.abc import Callable

DATABASE = "state.db"
DIRECTORY = "snapshots"
"""Below the data directory, for snapshots that were given no path."""

COUNT_KEYS = """
SELECT count(*) FROM log JOIN (SELECT key, max(revision) AS revision FROM log GROUP BY key)
USING (key, revision) WHERE value IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One saved state."""

    path: Path
    bytes: int
    saved: float
    """Seconds since the epoch."""
    revision: int
    """The last change it holds."""
    keys: int | None
    """How many objects are in it; None when a file of this kind does not tell."""


def save(data_dir: Path, target: Path | None = None, *, now: float | None = None) -> Snapshot:
    """Copy the database to `target` (default: a name after the time). Raises: BootstrapError."""
    source = data_dir / DATABASE
    if not source.exists():
        raise BootstrapError(
            f"{source} does not exist", "only clusters on the SQLite store are saved this way"
        )
    target = new_target(data_dir, target, now)
    fresh = target.with_name(f".{target.name}.part")
    fresh.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as database:
            database.execute("VACUUM INTO ?", (str(fresh),))
        fresh.chmod(0o600)
        fresh.replace(target)
    except (sqlite3.Error, OSError) as error:
        raise BootstrapError(f"cannot save {source} to {target}: {error}") from error
    finally:
        fresh.unlink(missing_ok=True)
    return inspect(target)


def new_target(data_dir: Path, target: Path | None, now: float | None = None) -> Path:
    """Where a snapshot goes: `target`, or a name after the time. Raises: BootstrapError when it exists."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(time.time() if now is None else now))
    target = target or data_dir / DIRECTORY / f"{stamp}.db"
    if target.exists():
        raise BootstrapError(f"{target} exists already", "choose another file")
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return target


def inspect(path: Path) -> Snapshot:
    """Check a snapshot from end to end and describe it. Raises: BootstrapError when it is not a sound one."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
            (verdict,) = database.execute("PRAGMA integrity_check").fetchone()
            if verdict != "ok":
                raise BootstrapError(f"{path} is damaged: {verdict}", "use another snapshot")
            (revision,) = database.execute("SELECT coalesce(max(revision), 0) FROM log").fetchone()
            (keys,) = database.execute(COUNT_KEYS).fetchone()
    except sqlite3.Error as error:
        raise BootstrapError(f"{path} is not a snapshot: {error}") from error
    stat = path.stat()
    return Snapshot(path, stat.st_size, stat.st_mtime, int(revision), int(keys))


def restore(data_dir: Path, source: Path) -> Path | None:
    """Put a snapshot in the place of the database of a server that does not run.

    Gives where the state before was moved to; None when there was none. Raises: BootstrapError.
    """
    inspect(source)
    database = data_dir / DATABASE
    users = open_by(database)
    if users:
        raise BootstrapError(f"{database} is in use by process {users[0]}", "stop the API server first")
    before = None
    if database.exists():
        before = data_dir / f"{DATABASE}.before-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
        before.unlink(missing_ok=True)
        save(data_dir, before)
    fresh = database.with_name(f".{DATABASE}.new")
    shutil.copyfile(source, fresh)
    fresh.chmod(0o600)
    for suffix in ("-wal", "-shm"):
        database.with_name(DATABASE + suffix).unlink(missing_ok=True)
    fresh.replace(database)
    return before


def open_by(path: Path) -> list[int]:
    """Processes that have a file open, as far as this user may see."""
    found = []
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(descriptor) == str(path.resolve()):
                found.append(int(descriptor.parts[2]))
        except OSError:
            continue
    return sorted(set(found))


def saved(data_dir: Path, inspect: Callable[[Path], Snapshot] = inspect) -> list[Snapshot]:
    """The snapshots below the data directory, the oldest first."""
    return [inspect(path) for path in sorted((data_dir / DIRECTORY).glob("*.db"))]
