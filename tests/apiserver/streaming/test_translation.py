"""exec for WebSocket clients, against a kubelet of our own that speaks SPDY over a socket pair."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from multidict import CIMultiDict

from steersman.api.errors import InternalError
from steersman.apiserver.streaming import translation, tunnel
from steersman.client.upgrade import Upgraded
from steersman.runtime.tasks import TaskGroup
from steersman.wire.remotecommand import (
    SUBPROTOCOLS,
    Channel,
    Data,
    Subprotocol,
    decode_message,
    encode_close,
    encode_message,
    exit_status,
)
from steersman.wire.spdy import Connection, DataReceived, StreamOpened
from steersman.wire.websocket import Closed, Message, WebSocket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from steersman.apiserver.http.values import Takeover

    Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

V5, V4, V4_TEXT, V1, _ = SUBPROTOCOLS
ALL = [Channel.ERROR, Channel.STDIN, Channel.STDOUT, Channel.STDERR]


async def pair() -> tuple[Streams, Streams]:
    """Two connected ends, with small kernel buffers."""
    ends = socket.socketpair()
    for end in ends:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    left, right = [await asyncio.open_connection(sock=end) for end in ends]
    return left, right


async def served(takeover: Takeover, streams: Streams) -> None:
    await takeover.run(*streams)


class Kubelet:
    """The server side of one SPDY session."""

    def __init__(self, streams: Streams) -> None:
        self.reader, self.writer = streams
        self.wire = Connection(client=False)
        self.streams: dict[str, int] = {}
        self.received: dict[str, bytes] = {}
        self.closed: set[str] = set()
        self.changed = asyncio.Event()
        self.gone = asyncio.Event()

    async def wait(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def run(self) -> None:
        while data := await self.reader.read(65536):
            for event in self.wire.receive(data):
                if isinstance(event, StreamOpened):
                    name = event.headers["streamtype"]
                    self.streams[name] = event.stream_id
                    self.wire.accept(event.stream_id)
                elif isinstance(event, DataReceived):
                    name = next(name for name, stream in self.streams.items() if stream == event.stream_id)
                    self.received[name] = self.received.get(name, b"") + event.data
                    if event.fin:
                        self.closed.add(name)
            self.changed.set()
            await self.flush()
        self.gone.set()

    async def send(self, name: str, data: bytes = b"", *, fin: bool = False) -> None:
        self.wire.send(self.streams[name], data, fin=fin)
        await self.flush()

    async def flush(self) -> None:
        self.writer.write(self.wire.take_output())
        await self.writer.drain()

    async def end(self, status: dict[str, object]) -> None:
        """What a runtime does at the end of a session: the status, then every stream is reset."""
        await self.send("error", json.dumps(status).encode(), fin=True)
        for stream in self.streams.values():
            self.wire.reset(stream)
        await self.flush()


class Client:
    """The client side of the WebSocket."""

    def __init__(self, streams: Streams, protocol: Subprotocol) -> None:
        self.reader, self.writer = streams
        self.protocol = protocol
        self.wire = WebSocket(client=True)
        self.close_code = 0

    async def handshake(self) -> str:
        return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def send(self, channel: Channel, data: bytes) -> None:
        self.wire.send(encode_message(self.protocol, channel, data), text=self.protocol.base64)
        await self.flush()

    async def flush(self) -> None:
        self.writer.write(self.wire.take_output())
        await self.writer.drain()

    async def read_all(self) -> dict[int, bytes]:
        """What came on each channel until the server closed."""
        channels: dict[int, bytes] = {}
        while data := await self.reader.read(65536):
            for event in self.wire.receive(data):
                if isinstance(event, Closed):
                    self.close_code = event.code
                    await self.flush()
                    self.writer.close()
                    return channels
                assert isinstance(event, Message)
                decoded = decode_message(self.protocol, event.data)
                assert isinstance(decoded, Data)
                channels[decoded.channel] = channels.get(decoded.channel, b"") + decoded.data
        return channels


@asynccontextmanager
async def session(
    protocol: Subprotocol = V5, channels: list[Channel] = ALL, missed: translation.Missed | None = None
) -> AsyncIterator[tuple[Client, Kubelet]]:
    client_end, server_end = await pair()
    kubelet_end, upstream_end = await pair()

    async def connect() -> Upgraded:
        return Upgraded(101, CIMultiDict(), b"", *upstream_end)

    takeover = translation.answer("key", protocol, channels, connect, missed)
    client, kubelet = Client(client_end, protocol), Kubelet(kubelet_end)

    async def serve() -> None:
        try:
            await takeover.run(*server_end)
        except* ConnectionError:
            pass
        finally:
            server_end[1].close()

    async with TaskGroup() as group:
        running = [group.spawn(serve(), "server"), group.spawn(kubelet.run(), "kubelet")]
        try:
            assert f"Sec-WebSocket-Protocol: {protocol.name}" in await client.handshake()
            await kubelet.wait(lambda: len(kubelet.streams) == len(channels))
            yield client, kubelet
        finally:
            for task in running:
                task.cancel()
            for _, writer in (client_end, server_end, kubelet_end, upstream_end):
                writer.close()


@pytest.mark.parametrize("protocol", [V5, V4, V4_TEXT], ids=lambda protocol: protocol.name)
async def test_output_and_exit_status_reach_the_client(protocol: Subprotocol) -> None:
    async with session(protocol) as (client, kubelet):
        await kubelet.send("stdout", b"out")
        await kubelet.send("stderr", b"err")
        await kubelet.send("stdout", fin=True)
        await kubelet.send("stderr", fin=True)
        await kubelet.end(exit_status(7))
        channels = await client.read_all()
        assert (channels[Channel.STDOUT], channels[Channel.STDERR]) == (b"out", b"err")
        assert json.loads(channels[Channel.ERROR]) == exit_status(7)
        assert client.close_code == 1000


async def test_a_plain_client_reads_nothing_on_success() -> None:
    async with session(V1) as (client, kubelet):
        await kubelet.send("stdout", b"out", fin=True)
        await kubelet.send("stderr", fin=True)
        await kubelet.end(exit_status(0))
        assert await client.read_all() == {Channel.STDOUT: b"out"}


async def test_stdin_is_half_closed_and_output_goes_on() -> None:
    async with session() as (client, kubelet):
        await client.send(Channel.STDIN, b"some ")
        await client.send(Channel.STDIN, b"input")
        client.wire.send(encode_close(Channel.STDIN))
        await client.flush()
        await kubelet.wait(lambda: "stdin" in kubelet.closed)
        assert kubelet.received["stdin"] == b"some input"
        await kubelet.send("stdout", b"after", fin=True)
        await kubelet.send("stderr", fin=True)
        await kubelet.end(exit_status(0))
        channels = await client.read_all()
        assert channels[Channel.STDOUT] == b"after"
        assert json.loads(channels[Channel.ERROR])["status"] == "Success"


async def test_resize_goes_to_its_stream() -> None:
    channels = [Channel.ERROR, Channel.STDIN, Channel.STDOUT, Channel.RESIZE]
    async with session(channels=channels) as (client, kubelet):
        await client.send(Channel.RESIZE, b'{"Width":80,"Height":24}')
        await kubelet.wait(lambda: "resize" in kubelet.received)
        assert kubelet.received["resize"] == b'{"Width":80,"Height":24}'


async def test_a_client_that_does_not_read_holds_the_kubelet_back() -> None:
    async with session() as (client, kubelet):
        sent = 0

        async def flood() -> None:
            nonlocal sent
            while True:
                await kubelet.send("stdout", b"x" * 65536)
                sent += 65536

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(flood(), 0.2)
        assert sent < 4_000_000
        assert client.close_code == 0


async def test_a_client_that_goes_ends_the_session() -> None:
    async with session() as (client, kubelet):
        client.writer.close()
        await asyncio.wait_for(kubelet.gone.wait(), 5)


async def test_a_session_that_breaks_is_told() -> None:
    async with session() as (client, kubelet):
        await kubelet.send("stdout", b"partial")
        kubelet.writer.close()
        channels = await client.read_all()
        assert channels[Channel.STDOUT] == b"partial"
        assert "ended before the session did" in json.loads(channels[Channel.ERROR])["message"]


@pytest.mark.parametrize(
    ("output", "late", "told"),
    [
        (b"", InternalError.of("too late"), "Failure"),
        (b"", None, "Success"),
        (b"out", InternalError.of("too late"), "Success"),
    ],
    ids=["a silent session is looked into", "nothing was missed", "a session with output is good"],
)
async def test_an_attach_that_came_too_late_is_told(
    output: bytes, late: InternalError | None, told: str
) -> None:
    async def missed() -> InternalError | None:
        return late

    async with session(missed=missed) as (client, kubelet):
        await kubelet.send("stdout", output, fin=True)
        await kubelet.send("stderr", fin=True)
        await kubelet.end(exit_status(0))
        channels = await client.read_all()
        assert json.loads(channels[Channel.ERROR])["status"] == told


async def test_a_kubelet_that_refuses_is_told_on_the_error_channel() -> None:
    client_end, server_end = await pair()

    async def connect() -> Upgraded:
        raise InternalError.of('unable to upgrade connection: container not found ("c")')

    client = Client(client_end, V5)
    async with TaskGroup() as group:
        group.spawn(served(translation.answer("key", V5, ALL, connect), server_end), "server")
        await client.handshake()
        channels = await client.read_all()
    status = json.loads(channels[Channel.ERROR])
    assert (status["code"], status["reason"]) == (500, "InternalError")
    assert 'container not found ("c")' in status["message"]
    server_end[1].close()


async def test_the_tunnel_carries_bytes_both_ways_and_ends_with_the_kubelet() -> None:
    client_end, server_end = await pair()
    kubelet_end, upstream_end = await pair()
    client = Client(client_end, V5)
    data = bytes(range(256)) * 1000
    upstream = Upgraded(101, CIMultiDict(), b"", *upstream_end)
    async with TaskGroup() as group:
        group.spawn(served(tunnel.answer("key", upstream), server_end), "server")
        assert "SPDY/3.1+portforward.k8s.io" in await client.handshake()
        client.wire.send(data)
        sending = group.spawn(client.flush(), "sending")
        assert await kubelet_end[0].readexactly(len(data)) == data
        await sending
        kubelet_end[1].write(b"back")
        await kubelet_end[1].drain()
        kubelet_end[1].close()
        received = b""
        while piece := await client.reader.read(65536):
            for event in client.wire.receive(piece):
                received += event.data if isinstance(event, Message) else b""
                if isinstance(event, Closed):
                    await client.flush()
                    client.writer.close()
        assert received == b"back"
    server_end[1].close()
