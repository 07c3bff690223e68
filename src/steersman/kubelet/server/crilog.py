"""The CRI log format: parsing lines, finding the tail, cutting to what was asked for. Pure but for file
reads.

    2016-10-06T00:17:09.669794202Z stdout F a whole line
    2016-10-06T00:17:09.669794202Z stderr P the first part of a line that was too long

Source: the CRI logging design ("CRI: Log management for container stdout/stderr streams").
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from typing import BinaryIO

BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What a client asked for. `since` is wall time in seconds; None means no limit."""

    tail_lines: int | None = None
    limit_bytes: int | None = None
    since: float | None = None
    timestamps: bool = False
    follow: bool = False
    stream: str = "All"


class LogFormatter:
    """Turns CRI lines into what the client reads; keeps count of the bytes it may still have."""

    def __init__(self, options: LogOptions) -> None:
        self._options = options
        self._left = options.limit_bytes
        self._line_open = False
        self._since = _comparable(options.since)
        self._stream = b"" if options.stream in ("", "All") else options.stream.lower().encode()

    @property
    def exhausted(self) -> bool:
        """The byte limit is reached."""
        return self._left is not None and self._left <= 0

    def format(self, line: bytes) -> bytes:
        """What to write for one log line (with or without its newline); empty when it is left out or
        malformed."""
        parts = line.rstrip(b"\n").split(b" ", 3)
        if len(parts) < 3:
            return b""
        timestamp, stream, tags = parts[:3]
        content = parts[3] if len(parts) > 3 else b""
        if self._stream and stream != self._stream:
            return b""
        if self._since and _normal(timestamp) < self._since:
            return b""
        text = content
        if self._options.timestamps and not self._line_open:
            text = timestamp + b" " + content
        partial = tags.split(b":")[0] == b"P"
        self._line_open = partial
        return self._cut(text if partial else text + b"\n")

    def _cut(self, text: bytes) -> bytes:
        if self._left is None:
            return text
        text = text[: max(self._left, 0)]
        self._left -= len(text)
        return text


def _comparable(since: float | None) -> bytes:
    """A wall time as text that sorts with normalised timestamps."""
    if since is None:
        return b""
    from datetime import UTC, datetime

    whole, fraction = divmod(round(since * 1_000_000_000), 1_000_000_000)
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode() + b".%09d" % fraction


def _normal(timestamp: bytes) -> bytes:
    """A runtime's timestamp in UTC with nine fractional digits and no zone, so that text order is time
    order."""
    base = timestamp[:-1] if timestamp.endswith(b"Z") else _to_utc(timestamp)
    whole, _, fraction = base.partition(b".")
    return whole + b"." + fraction.ljust(9, b"0")[:9]


def _to_utc(timestamp: bytes) -> bytes:
    from datetime import UTC, datetime

    text = timestamp.decode("ascii", "replace")
    body, zone = text[:-6], text[-6:]
    whole, _, fraction = body.partition(".")
    try:
        moment = datetime.fromisoformat(whole + zone).astimezone(UTC)
    except ValueError:
        return timestamp
    return moment.strftime("%Y-%m-%dT%H:%M:%S").encode() + b"." + fraction.encode()


def tail_offset(file: BinaryIO, lines: int) -> int:
    """The offset at which the last `lines` lines of the file begin; an unfinished last line counts as one."""
    end = file.seek(0, io.SEEK_END)
    if lines <= 0:
        return end
    position, wanted = end, lines
    while position > 0:
        size = min(BLOCK, position)
        position -= size
        file.seek(position)
        block = file.read(size)
        if position + size == end and block.endswith(b"\n"):
            block = block[:-1]
        count = block.count(b"\n")
        if count >= wanted:
            index = len(block)
            for _ in range(wanted):
                index = block.rindex(b"\n", 0, index)
            return position + index + 1
        wanted -= count
    return 0


def same_file(file: BinaryIO, path: str) -> bool:
    """Whether `path` still names the open file (it does not after rotation)."""
    try:
        named = os.stat(path)
    except FileNotFoundError:
        return True
    opened = os.fstat(file.fileno())
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)
