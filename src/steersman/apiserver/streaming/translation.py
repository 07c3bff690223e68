"""exec and attach for WebSocket clients: channels on their side, SPDY streams on the kubelet's.

        client ── [0]data ──────> stdin  stream           v5 [255][0]: half-close of stdin
               <─ [1]data ─────── stdout stream
               <─ [2]data ─────── stderr stream
               <─ [3]Status ───── error  stream, once it and the output streams have ended
               ── [4]{"Width"} ─> resize stream

Two tasks copy, one a direction, each waiting for the slower side. The session ends when the kubelet's
streams have ended (then the client is told the outcome), or when the client goes away.

A container that lives for a few milliseconds may end while an attach is being set up; the runtime then
reports a good session without a byte. `Missed` looks into that case, so that the client can read the log.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from steersman.api.errors import ApiError, InternalError
from steersman.apiserver.http.values import Takeover
from steersman.apiserver.streaming.socket import ServerSocket
from steersman.apiserver.streaming.spdy_session import SpdySession
from steersman.runtime.tasks import TaskGroup
from steersman.wire.remotecommand import (
    STREAM_NAMES,
    STREAM_TYPE,
    Channel,
    ChannelError,
    CloseChannel,
    Subprotocol,
    decode_message,
    encode_message,
    error_for,
)
from steersman.wire.spdy import DataReceived, ProtocolError, StreamReset

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from steersman.client.upgrade import Upgraded

MAX_ERROR_BYTES = 1024 * 1024
Missed = Callable[[], Awaitable[ApiError | None]]
"""Asked when a session ended well and showed nothing: what to tell the client instead, or None."""
_OUTPUT = (Channel.STDOUT, Channel.STDERR, Channel.ERROR)


def answer(
    key: str,
    protocol: Subprotocol,
    channels: Sequence[Channel],
    connect: Callable[[], Awaitable[Upgraded]],
    missed: Missed | None = None,
) -> Takeover:
    """Accept the WebSocket and run the session; `connect` gives the SPDY connection to the kubelet.

    A kubelet that cannot be reached or refuses is reported on the error channel: the WebSocket is open by
    then.
    """

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        socket = ServerSocket(reader, writer)
        await socket.accept(key, protocol.name)
        try:
            upstream = await connect()
        except ApiError as error:
            await _finish(socket, protocol, json.dumps(error.to_status()).encode())
            return
        session = SpdySession(upstream.reader, upstream.writer)
        try:
            await Translation(socket, session, protocol, channels, missed).run()
        finally:
            session.close()

    return Takeover(run)


async def _finish(socket: ServerSocket, protocol: Subprotocol, error: bytes) -> None:
    """Tell the client the outcome and close."""
    outcome = error_for(protocol, error)
    if outcome:
        await socket.send(encode_message(protocol, Channel.ERROR, outcome), text=protocol.base64)
    await socket.close()


class Translation:
    """One session between a WebSocket client and a SPDY server."""

    def __init__(
        self,
        socket: ServerSocket,
        session: SpdySession,
        protocol: Subprotocol,
        channels: Sequence[Channel],
        missed: Missed | None = None,
    ) -> None:
        self._socket, self._session, self._protocol = socket, session, protocol
        self._missed, self._shown = missed, False
        self._streams = {channel: session.open({STREAM_TYPE: STREAM_NAMES[channel]}) for channel in channels}
        self._channels = {stream: channel for channel, stream in self._streams.items()}
        self._error = bytearray()

    async def run(self) -> None:
        """Copy until the session is over. Raises ConnectionError when the client is gone."""
        await self._session.flush()
        await self._announce()
        async with TaskGroup() as group:
            outgoing = group.spawn(self._to_client(), "exec output")
            incoming = group.spawn(self._to_kubelet(), "exec input")
            outgoing.add_done_callback(lambda _: incoming.cancel())
            incoming.add_done_callback(lambda _: outgoing.cancel())
        if not outgoing.cancelled():
            outcome = outgoing.result()
            if self._missed is not None and not self._shown and not _failed(outcome):
                error = await self._missed()
                outcome = outcome if error is None else json.dumps(error.to_status()).encode()
            await _finish(self._socket, self._protocol, outcome)

    async def _announce(self) -> None:
        """An empty message on the first output channel tells old clients that the session is open."""
        first = next(channel for channel in (*_OUTPUT,) if channel in self._streams)
        if self._protocol.version >= 4:
            message = encode_message(self._protocol, first, b"")
            await self._socket.send(message, text=self._protocol.base64)

    async def _to_kubelet(self) -> None:
        """Until the client closes."""
        async for message in self._socket.messages():
            try:
                event = decode_message(self._protocol, message)
            except ChannelError:
                continue
            if isinstance(event, CloseChannel):
                await self._input(event.channel, b"", fin=True)
            elif event is not None:
                await self._input(event.channel, event.data, fin=False)

    async def _input(self, channel: int, data: bytes, *, fin: bool) -> None:
        if channel in (Channel.STDIN, Channel.RESIZE) and channel in self._streams:
            await self._session.send(self._streams[Channel(channel)], data, fin=fin)

    async def _to_client(self) -> bytes:
        """Until error and output streams have ended; returns what the error stream said (a Status, or
        nothing)."""
        waiting = {channel for channel in _OUTPUT if channel in self._streams}
        try:
            async for event in self._session.events():
                if isinstance(event, DataReceived):
                    channel = self._channels.get(event.stream_id)
                    await self._output(channel, event.data)
                    ended = event.fin
                elif isinstance(event, StreamReset):
                    channel, ended = self._channels.get(event.stream_id), True
                else:
                    continue
                if ended and channel is not None:
                    waiting.discard(channel)
                if not waiting:
                    return bytes(self._error)
        except ProtocolError as error:
            return _failure(f"the kubelet broke the protocol: {error}")
        except OSError as error:
            return bytes(self._error) or _failure(f"the connection to the kubelet broke: {error}")
        if self._error or self._missed is not None:
            return bytes(self._error)  # an attach session has no outcome of its own: it may just end
        return _failure("the connection to the kubelet ended before the session did")

    async def _output(self, channel: Channel | None, data: bytes) -> None:
        if channel is Channel.ERROR:
            if len(self._error) < MAX_ERROR_BYTES:
                self._error += data
        elif channel is not None and data:
            self._shown = True
            await self._socket.send(encode_message(self._protocol, channel, data), text=self._protocol.base64)


def _failed(outcome: bytes) -> bool:
    """Whether an error stream said anything but success, which is nothing or a Status."""
    return bool(outcome) and b'"Success"' not in outcome


def _failure(text: str) -> bytes:
    return json.dumps(InternalError.of(text).to_status()).encode()
