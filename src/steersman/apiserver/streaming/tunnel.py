"""Port-forward through a WebSocket: binary messages carry the bytes of one SPDY connection with the
kubelet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver.http.values import Takeover
from steersman.apiserver.streaming.socket import ServerSocket
from steersman.runtime.tasks import TaskGroup
from steersman.wire.portforward import TUNNEL_PROTOCOL

if TYPE_CHECKING:
    import asyncio

    from steersman.client.upgrade import Upgraded

READ_BYTES = 64 * 1024


def answer(key: str, upstream: Upgraded) -> Takeover:
    """Accept the WebSocket and carry the bytes of `upstream`, an open SPDY connection, until one side
    ends."""

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        socket = ServerSocket(reader, writer)
        try:
            await socket.accept(key, TUNNEL_PROTOCOL)
            async with TaskGroup() as group:
                outgoing = group.spawn(_to_client(upstream, socket), "tunnel out")
                incoming = group.spawn(_to_kubelet(socket, upstream), "tunnel in")
                outgoing.add_done_callback(lambda _: incoming.cancel())
                incoming.add_done_callback(lambda _: outgoing.cancel())
            await socket.close()
        finally:
            upstream.close()

    return Takeover(run)


async def _to_client(upstream: Upgraded, socket: ServerSocket) -> None:
    try:
        while data := await upstream.reader.read(READ_BYTES):
            await socket.send(data)
    except OSError:
        return  # either end is gone: the tunnel is over


async def _to_kubelet(socket: ServerSocket, upstream: Upgraded) -> None:
    try:
        async for data in socket.messages():
            upstream.writer.write(data)
            await upstream.writer.drain()
    except OSError:
        return
