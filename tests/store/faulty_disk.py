"""A disk under SQLite that fails on demand: a VFS that becomes the default while the block is open."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import apsw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Disk:
    """What the next operations do; each may be changed at any time."""

    write: Callable[[], None] | None = None
    """Called before every write; what it raises the write fails with."""
    sync: Callable[[], None] | None = None
    """Called before every fsync."""
    delay: float = 0.0
    """Seconds an fsync takes."""
    calls: dict[str, int] = field(default_factory=dict)
    """How often there was a write and a sync."""

    def _count(self, what: str) -> None:
        self.calls[what] = self.calls.get(what, 0) + 1

    def before_write(self) -> None:
        self._count("write")
        if self.write is not None:
            self.write()

    def before_sync(self) -> None:
        self._count("sync")
        if self.delay:
            time.sleep(self.delay)
        if self.sync is not None:
            self.sync()


def failing(kind: type[apsw.Error], text: str = "the disk fails") -> Callable[[], None]:
    """Return what makes an operation fail in this way."""

    def fail() -> None:
        raise kind(text)

    return fail


@contextmanager
def faulty_disk() -> Iterator[Disk]:
    """All databases opened inside the block are on this disk."""
    disk = Disk()

    class File(apsw.VFSFile):
        def __init__(self, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
            super().__init__("unix", name, flags)

        def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
            disk.before_write()
            super().xWrite(data, offset)

        def xSync(self, flags: int) -> None:  # noqa: N802
            disk.before_sync()
            super().xSync(flags)

    class Faulty(apsw.VFS):
        def __init__(self) -> None:
            super().__init__("faulty", "unix", makedefault=True)

        def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> File:  # noqa: N802
            return File(name, flags)

    vfs = Faulty()
    try:
        yield disk
    finally:
        vfs.unregister()
