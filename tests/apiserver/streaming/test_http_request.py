"""Passing a plain HTTP request on: answers however they are framed, bodies, and servers that are not
there."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from steersman.apiserver.streaming.http_request import Exchange, ExchangeFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def server(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that reads one request and gives this answer; yields its URL and what it read."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readuntil(b"0\r\n\r\n") if b"chunked" in head else b""
        seen.append(head + body)
        writer.write(answer)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", seen


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", id="a length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            id="chunks",
        ),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nhello", id="until the connection ends"),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            id="an interim answer",
        ),
    ],
)
async def test_answers_are_read_to_their_end(answer: bytes) -> None:
    async with server(answer) as (url, _):
        exchange = await Exchange.open("GET", url + "/x?y=1")
        assert exchange.status == 200
        assert await exchange.read(100) == b"hello"


async def test_a_body_of_unknown_length_is_sent_in_chunks() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async with server(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, seen):
        exchange = await Exchange.open("POST", url, headers={"X-A": "b"}, body=body())
        assert (exchange.status, await exchange.read(10)) == (204, b"")
    assert seen[0].startswith(b"POST / HTTP/1.1\r\nX-A: b\r\n")
    assert seen[0].endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n\r\n"], ids=["silence", "another protocol"])
async def test_answers_that_are_none(answer: bytes) -> None:
    async with server(answer) as (url, _):
        with pytest.raises(ExchangeFailed):
            await Exchange.open("GET", url)


async def test_a_server_that_is_not_there() -> None:
    with pytest.raises(ExchangeFailed, match=r"dial tcp 127\.0\.0\.1:1: connect: connection refused"):
        await Exchange.open("GET", "http://127.0.0.1:1/")
