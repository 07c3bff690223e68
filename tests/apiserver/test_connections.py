"""HTTP/1.1 on real sockets: keep-alive, pipelining, bodies, upgrades, shutdown."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from steersman.api import kinds
from steersman.api.errors import RequestEntityTooLarge
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.http.listener import Listener
from steersman.apiserver.http.status import error_response
from steersman.apiserver.http.values import Request, Response, Streaming, Takeover
from steersman.apiserver.server import APIServer
from steersman.client.rest import Client
from steersman.client.transport import HTTPTransport
from steersman.runtime.tasks import TaskGroup
from steersman.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from steersman.apiserver.http.values import Answer, Sink

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def handle(request: Request) -> Answer:
    """Answer by the path."""
    if request.path == "/echo":
        try:
            return Response(200, await request.body(1000), "text/plain")
        except RequestEntityTooLarge as error:
            return error_response(error)
    if request.path == "/stream":

        async def run(sink: Sink) -> None:
            sink.write(b"one")
            await sink.drain()
            sink.write(b"two")

        return Streaming(200, run)
    if request.path == "/upgrade":

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            while line := await reader.readline():
                writer.write(line.upper())

        return Takeover(talk)
    return Response(200, request.path.encode(), "text/plain")


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with TaskGroup() as tasks:
        listener = Listener(handle, tasks)
        await listener.start(("127.0.0.1",), 0, None)
        yield listener
        await listener.stop(1)
        tasks.cancel_all()


@pytest.fixture
async def streams(listener: Listener) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    yield reader, writer
    writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


async def test_a_connection_is_kept_and_pipelined_requests_are_answered_in_order(streams: Streams) -> None:
    reader, writer = streams
    writer.write(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % i for i in range(40)))
    assert [await answer(reader) for _ in range(40)] == [(200, b"/%d" % i) for i in range(40)]


async def test_bodies_come_whole_in_pieces_and_in_chunks(streams: Streams) -> None:
    reader, writer = streams
    writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc")
    await writer.drain()
    writer.write(b"def")
    assert await answer(reader) == (200, b"abcdef")
    writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    assert await answer(reader) == (200, b"abc")


@pytest.mark.parametrize("sent", [5000, 10], ids=["sent whole", "sent in part"])
async def test_a_body_over_the_limit_is_refused_and_the_answer_can_be_read(
    streams: Streams, sent: int
) -> None:
    reader, writer = streams
    writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n" + b"x" * sent)
    assert (await answer(reader))[0] == 413
    writer.write(b"x" * (5000 - sent))


async def test_a_client_that_waits_to_be_told_is_told_to_go_on(streams: Streams) -> None:
    reader, writer = streams
    writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"a")
    assert await answer(reader) == (200, b"a")


async def test_a_streaming_answer_comes_in_chunks_and_the_connection_goes_on(streams: Streams) -> None:
    reader, writer = streams
    writer.write(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    assert await reader.readuntil(b"0\r\n\r\n") == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    writer.write(b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
    assert await answer(reader) == (200, b"/next")


async def test_a_connection_can_be_taken_over(streams: Streams) -> None:
    reader, writer = streams
    writer.write(
        b"POST /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nearly\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    assert await reader.readline() == b"EARLY\n"
    writer.write(b"late\n")
    assert await reader.readline() == b"LATE\n"
    writer.write_eof()
    assert await reader.read() == b""


async def test_an_upgrade_that_nobody_takes_is_a_plain_request(streams: Streams) -> None:
    reader, writer = streams
    ask = b"GET /plain HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    writer.write(ask)
    assert await answer(reader) == (200, b"/plain")
    writer.write(ask)
    assert await answer(reader) == (200, b"/plain")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no HTTP"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", id="a head without end"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", id="a length below zero"),
    ],
)
async def test_what_is_no_request_is_refused_and_closed(streams: Streams, data: bytes) -> None:
    reader, writer = streams
    writer.write(data)
    assert (await reader.read()).startswith(b"HTTP/1.1 400")


async def test_head_gets_no_body(streams: Streams) -> None:
    reader, writer = streams
    writer.write(b"HEAD /x HTTP/1.1\r\nHost: x\r\n\r\nGET /y HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"Content-Length: 2" in await reader.readuntil(b"\r\n\r\n")
    assert await answer(reader) == (200, b"/y")


async def test_the_server_speaks_to_the_client_over_the_network() -> None:
    config = APIServerConfig(store="memory", port=0)
    async with APIServer(config, store=MemoryStore()) as server, Client(HTTPTransport(server.url)) as client:
        assert len((await client.list(kinds.NAMESPACES))["items"]) == 4
        response = await client.request("GET", "/readyz", query={"verbose": ""})
        assert b"readyz check passed" in response.body
        watching = client.watch(kinds.NAMESPACES, resource_version="0")
        assert (await anext(watching)).type == "ADDED"


async def test_stopping_ends_watches_and_refuses_connections() -> None:
    config = APIServerConfig(store="memory", port=0)
    async with APIServer(config, store=MemoryStore()) as server:
        client = Client(HTTPTransport(server.url))
        watching = client.watch(kinds.NAMESPACES, resource_version="0")
        for _ in range(4):
            await anext(watching)
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(watching), 5)
    await client.aclose()


@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
    ],
    ids=["kept alive", "closed by the server", "taken over"],
)
async def test_a_connection_that_is_over_leaves_nothing_to_the_cycle_collector(
    listener: Listener, request_text: bytes
) -> None:
    gc.disable()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(request_text)
        for _ in range(1000):
            if listener.connections:
                break
            await asyncio.sleep(0)
        freed = asyncio.Event()
        kept = weakref.ref(next(iter(listener.connections)), lambda _: freed.set())
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(5):
            await freed.wait()
        assert kept() is None
    finally:
        gc.enable()
