"""Audit events to a file, a line of JSON each, written before the request goes on.

When the file would grow beyond its size it is set aside under the time of day, and the oldest ones set aside
are deleted. What cannot be written is counted and reported once; the server goes on.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from steersman.api.types import Object

log = logging.getLogger("steersman.apiserver.audit")


class LogFile:
    """A backend; `path` "-" is the standard output."""

    def __init__(self, path: str, *, max_bytes: int = 0, backups: int = 0) -> None:
        """`max_bytes` 0 never sets aside, `backups` 0 keeps all. Raises: OSError."""
        self._path, self._max, self._backups = path, max_bytes, backups
        self._file: IO[bytes] = sys.stdout.buffer if path == "-" else _open(path)
        self._size = 0 if path == "-" else os.fstat(self._file.fileno()).st_size
        self.lost = 0
        """Events that could not be written."""

    def emit(self, event: Object) -> None:
        """Write one event."""
        line = orjson.dumps(event) + b"\n"
        try:
            if self._max and self._size and self._size + len(line) > self._max:
                self._set_aside()
            self._file.write(line)
            self._file.flush()
            self._size += len(line)
        except OSError as error:
            if not self.lost:
                log.error("audit events cannot be written to %s: %s", self._path, error)
            self.lost += 1
        else:
            if self.lost:
                log.error("%d audit events could not be written to %s", self.lost, self._path)
                self.lost = 0

    def _set_aside(self) -> None:
        path = Path(self._path)
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H-%M-%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}"
        self._file.close()
        path.rename(path.with_name(f"{path.stem}-{stamp}{path.suffix}"))
        self._file, self._size = _open(self._path), 0
        if self._backups:
            old = sorted(path.parent.glob(f"{path.stem}-*{path.suffix}"))
            for extra in old[: -self._backups]:
                extra.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        if self._path != "-":
            self._file.close()


def _open(path: str) -> IO[bytes]:
    """Open for appending, readable by the owner only."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab", buffering=0)
