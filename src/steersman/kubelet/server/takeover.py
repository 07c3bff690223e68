"""Taking a connection over from the HTTP server: after an upgrade, its bytes are no longer HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

READ_LIMIT = 64 * 1024


class _Handover(asyncio.StreamReaderProtocol):
    """Streams for the new owner; tells the HTTP server's protocol when the connection is gone, as it keeps
    count."""

    def __init__(self, reader: asyncio.StreamReader, former: asyncio.Protocol) -> None:
        super().__init__(reader)
        self._former = former

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._former.connection_lost(exc)


def take_over(request: web.Request) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The connection of a request as streams, with back-pressure. Raises ConnectionResetError when it is
    gone.

    The caller writes the answer's head itself and closes the writer in the end; what its handler returns
    afterwards goes nowhere. Nothing may have been read past the request: clients wait for the answer before
    they go on.
    """
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client is gone")
    former = request.protocol
    former.keep_alive(False)
    reader = asyncio.StreamReader(limit=READ_LIMIT)
    protocol = _Handover(reader, former)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    transport.resume_reading() if not transport.is_reading() else None
    return reader, asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())
