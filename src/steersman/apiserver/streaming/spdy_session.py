"""A SPDY/3.1 connection over streams: the client's side of a session with a kubelet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.wire.spdy import Connection

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Mapping

    from steersman.wire.spdy import Event

READ_BYTES = 64 * 1024


class SpdySession:
    """One task reads `events`, any may open streams and send."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._wire = Connection(client=True)

    def open(self, headers: Mapping[str, str]) -> int:
        """Open a stream (sent with the next flush); return its id."""
        return self._wire.open_stream(headers)

    async def send(self, stream_id: int, data: bytes, *, fin: bool = False) -> None:
        """Write to a stream; waits while the other side is slow. Raises ConnectionError when it is gone."""
        self._wire.send(stream_id, data, fin=fin)
        await self.flush()

    async def flush(self) -> None:
        self._write()
        await self._writer.drain()

    async def events(self) -> AsyncIterator[Event]:
        """What the other side does, until it ends the connection. Raises ProtocolError."""
        while data := await self._reader.read(READ_BYTES):
            events = self._wire.receive(data)
            self._write()
            for event in events:
                yield event

    def close(self) -> None:
        self._writer.close()

    def _write(self) -> None:
        output = self._wire.take_output()
        if output:
            self._writer.write(output)
