"""The client over real sockets: TCP and unix, errors, tokens, watches that break off."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from steersman.api import kinds
from steersman.api.errors import AlreadyExists, ApiError, Expired, NotFound
from steersman.client import Client, ConnectionFailed, HTTPTransport
from steersman.client.auth import Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, unix: str = "") -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    site = web.UnixSite(runner, unix) if unix else web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"unix:{unix}" if unix else f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def answering(status: int, body: object) -> Handler:
    async def handler(request: web.BaseRequest) -> web.Response:
        return web.json_response(body, status=status)

    return handler


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (404, {"kind": "Status", "reason": "NotFound", "message": "no x", "code": 404}, NotFound, "no x"),
        (
            409,
            {"kind": "Status", "reason": "AlreadyExists", "message": "is", "code": 409},
            AlreadyExists,
            "is",
        ),
        (410, {"kind": "Status", "reason": "Expired", "message": "old", "code": 410}, Expired, "old"),
        (502, "bad gateway", ApiError, "bad gateway"),
    ],
)
async def test_an_error_answer_becomes_its_exception(
    status: int, body: object, error: type[ApiError], text: str
) -> None:
    async with serving(answering(status, body)) as url, Client(HTTPTransport(url)) as client:
        with pytest.raises(error, match=text) as caught:
            await client.get(kinds.PODS, "x", "default")
        assert caught.value.code == status


async def test_nobody_there_is_a_failed_connection(tmp_path: Path) -> None:
    async with Client(HTTPTransport(f"unix:{tmp_path}/none")) as client:
        with pytest.raises(ConnectionFailed):
            await client.get(kinds.NODES, "x")


async def test_a_unix_socket_and_the_query(tmp_path: Path) -> None:
    async def handler(request: web.BaseRequest) -> web.Response:
        return web.json_response({"path": request.path, "query": dict(request.query)})

    async with serving(handler, str(tmp_path / "s")) as url, Client(HTTPTransport(url)) as client:
        answer = await client.list(kinds.PODS, "default", label_selector="a in (b,c)", limit=3)
    assert answer == {
        "path": "/api/v1/namespaces/default/pods",
        "query": {"labelSelector": "a in (b,c)", "limit": "3"},
    }


async def test_a_token_file_is_read_anew_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first\n")
    credentials = Credentials(token_file=str(path))
    credentials.refresh()
    assert credentials.headers() == {"Authorization": "Bearer first"}
    path.write_text("second\n")
    os.utime(path, (1, 1))
    credentials._checked = -100.0
    credentials.refresh()
    assert credentials.headers() == {"Authorization": "Bearer second"}


async def test_a_watch_that_breaks_off_raises_after_what_came_whole() -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":"ADD')
        assert request.transport is not None
        request.transport.abort()
        return response

    async with serving(handler) as url, Client(HTTPTransport(url)) as client:
        events = client.watch(kinds.PODS, resource_version="1")
        assert (await anext(events)).object["metadata"]["name"] == "a"
        with pytest.raises(ConnectionFailed):
            await anext(events)


async def test_no_more_requests_in_flight_than_allowed() -> None:
    now = most = 0

    async def handler(request: web.BaseRequest) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return web.json_response({})

    async with serving(handler) as url, Client(HTTPTransport(url), in_flight=3) as client:
        await asyncio.gather(*(client.get(kinds.PODS, str(n), "d") for n in range(20)))
    assert most <= 3
