"""A streaming answer on a connection, in chunks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steersman.apiserver.http.connection import Connection
    from steersman.apiserver.http.flusher import Flusher
    from steersman.apiserver.http.values import Frame


class ConnectionSink:
    """Sends single pieces at once and frames in the flusher's rounds, in order; see `values.Sink`."""

    __slots__ = ("_connection", "_flusher", "_frames", "_transport", "_waiting", "closed")

    def __init__(self, connection: Connection, transport: asyncio.Transport, flusher: Flusher) -> None:
        self._connection, self._transport, self._flusher = connection, transport, flusher
        self._frames: list[bytes] = []
        """Chunks for the next round."""
        self._waiting = 0
        """Bytes in them."""
        self.closed = asyncio.Event()

    def write(self, data: bytes) -> None:
        self._flush()
        if data and not self._transport.is_closing():
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def write_frame(self, frame: Frame) -> None:
        if not self._frames:
            self._flusher.soon(self._flush)
        self._frames.append(frame.chunk)
        self._waiting += len(frame.chunk)

    @property
    def buffered(self) -> int:
        return self._waiting + self._transport.get_write_buffer_size()

    async def drain(self) -> None:
        self._flush()
        await self._connection.drain()

    async def wait_closed(self) -> None:
        await self.closed.wait()

    def end(self) -> None:
        self.closed.set()

    def finish(self) -> None:
        self._flush()
        if not self._transport.is_closing():
            self._transport.write(b"0\r\n\r\n")

    def abort(self) -> None:
        self._frames.clear()
        self._transport.abort()

    def _flush(self) -> None:
        frames = self._frames
        if not frames:
            return
        self._frames, self._waiting = [], 0
        if not self._transport.is_closing():
            self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
