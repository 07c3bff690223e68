"""A streaming answer on a connection, in chunks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steersman.apiserver.http.connection import Connection
    from steersman.apiserver.http.values import Frame


class ConnectionSink:
    """Writes straight to the transport; see `values.Sink`."""

    __slots__ = ("_connection", "_transport", "closed")

    def __init__(self, connection: Connection, transport: asyncio.Transport) -> None:
        self._connection, self._transport = connection, transport
        self.closed = asyncio.Event()

    def write(self, data: bytes) -> None:
        if data and not self._transport.is_closing():
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def write_frame(self, frame: Frame) -> None:
        if not self._transport.is_closing():
            self._transport.write(frame.chunk)

    @property
    def buffered(self) -> int:
        return self._transport.get_write_buffer_size()

    async def drain(self) -> None:
        await self._connection.drain()

    async def wait_closed(self) -> None:
        await self.closed.wait()

    def end(self) -> None:
        self.closed.set()

    def finish(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"0\r\n\r\n")

    def abort(self) -> None:
        self._transport.abort()
