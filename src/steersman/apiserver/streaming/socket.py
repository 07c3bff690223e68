"""A WebSocket over a taken-over connection: handshake answer, messages in, messages out with
back-pressure."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from steersman.wire.websocket import CloseCode, Closed, Message, WebSocket, WebSocketError, accept_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

READ_BYTES = 64 * 1024
CLOSE_SECONDS = 2.0
"""How long a client may take to answer our closing."""


class ServerSocket:
    """The server's side. One task reads `messages`, any may `send`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._wire = WebSocket(client=False)

    async def accept(self, key: str, subprotocol: str = "") -> None:
        """Answer the handshake."""
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept_key(key)}",
        ]
        if subprotocol:
            lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        await self._writer.drain()

    async def messages(self) -> AsyncIterator[bytes]:
        """Whole messages until the client closes or is gone; a protocol error closes with its code."""
        while data := await self._reader.read(READ_BYTES):
            try:
                events = self._wire.receive(data)
            except WebSocketError as error:
                self._wire.close(error.code, str(error))
                self._flush()
                return
            self._flush()
            for event in events:
                if isinstance(event, Closed):
                    return
                assert isinstance(event, Message)
                yield event.data

    async def send(self, data: bytes, *, text: bool = False) -> None:
        """Send one message; waits while the client is slow. Raises ConnectionError when it is gone."""
        self._wire.send(data, text=text)
        self._flush()
        await self._writer.drain()

    async def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Close in order: say so, then take what the client still sends until it closes too.

        A connection closed with unread data would be reset, and the client could lose our last messages.
        """
        self._wire.close(code, reason)
        self._flush()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._writer.drain()
                while await self._reader.read(READ_BYTES):
                    pass
        except (TimeoutError, OSError):
            return

    def _flush(self) -> None:
        output = self._wire.take_output()
        if output:
            self._writer.write(output)
