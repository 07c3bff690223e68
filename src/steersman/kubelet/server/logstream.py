"""Reading a container's log file as it grows: the lines so far, then what is added until the container ends.

Following polls the file's end a few times a second, only while somebody follows; it survives rotation (the
old file is read to its end first), and ends one last read after the container has ended, so nothing is cut
off.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from steersman.kubelet.server.crilog import LogFormatter, LogOptions, same_file, tail_offset

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from steersman.runtime.clock import Clock

POLL_SECONDS = 0.1
RUNNING_EVERY = 1.0
"""Seconds between two questions whether the container still runs."""
READ_BYTES = 64 * 1024


def open_log(path: str) -> BinaryIO:
    """Open a log file. Raises OSError."""
    return open(path, "rb")


async def read_log(
    file: BinaryIO, path: str, options: LogOptions, running: Callable[[], Awaitable[bool]], clock: Clock
) -> AsyncGenerator[bytes, None]:
    """Yield formatted pieces, each at most a few 64 KiB, and close the file in the end.

    `path` is where the file was opened: after a rotation it names the next one. `running` tells whether the
    container still writes; it is asked only when following.
    """
    formatter = LogFormatter(options)
    try:
        file.seek(0 if options.tail_lines is None else tail_offset(file, options.tail_lines))
        pending = b""
        alive, asked = True, clock.monotonic() - RUNNING_EVERY
        while not formatter.exhausted:
            piece, pending, more = _next_piece(file, pending, formatter)
            if piece:
                yield piece
            if more:
                continue
            if not options.follow or not alive:
                break
            replaced = _reopen_if_rotated(file, path)
            if replaced is not None:
                file.close()
                file = replaced
                continue
            if clock.monotonic() - asked >= RUNNING_EVERY:
                alive, asked = await running(), clock.monotonic()
            if alive:
                await clock.sleep(POLL_SECONDS)
        if pending and not formatter.exhausted:
            yield formatter.format(pending)
    finally:
        file.close()


def _next_piece(file: BinaryIO, pending: bytes, formatter: LogFormatter) -> tuple[bytes, bytes, bool]:
    """(formatted text, unfinished line, whether there was anything to read)."""
    data = file.read(READ_BYTES)
    if not data:
        return b"", pending, False
    *lines, pending = (pending + data).split(b"\n")
    return b"".join([formatter.format(line) for line in lines]), pending, True


def _reopen_if_rotated(file: BinaryIO, path: str) -> BinaryIO | None:
    """The new file when `path` names another one now and the old one has been read to its end."""
    if same_file(file, path):
        return None
    position = file.tell()
    if os.fstat(file.fileno()).st_size > position:
        return None
    return open(path, "rb")
