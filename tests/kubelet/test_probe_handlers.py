"""Probe handlers against real servers on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from aiohttp import web
from tests.kubelet.kubelet_node import ONE_LOOP

from steersman.kubelet.probes.handlers import Handlers, ProbeBroken, Target, port_number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TARGET = Target({"name": "c", "ports": [{"name": "web", "containerPort": 80}]}, "id", "127.0.0.1")


@pytest_asyncio.fixture(loop_scope="session")
async def handlers() -> AsyncIterator[Handlers]:
    made = Handlers(cast("Any", None))
    yield made
    await made.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def web_port() -> AsyncIterator[int]:
    async def answer(request: web.Request) -> web.Response:
        headers = {"Location": "/elsewhere"}
        return web.Response(
            status=int(request.match_info["code"]), text=request.headers["X"], headers=headers
        )

    application = web.Application()
    application.router.add_get("/{code}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@ONE_LOOP
@pytest.mark.parametrize(
    ("code", "healthy", "text"),
    [
        (200, True, "seen"),
        (302, True, "seen"),
        (404, False, "HTTP probe failed with statuscode: 404"),
        (503, False, "HTTP probe failed with statuscode: 503"),
    ],
)
async def test_http(handlers: Handlers, web_port: int, code: int, healthy: bool, text: str) -> None:
    request = {"path": f"/{code}", "port": web_port, "httpHeaders": [{"name": "X", "value": "seen"}]}
    answer = await handlers.ask({"httpGet": request}, TARGET, 2)
    assert (answer.healthy, answer.text) == (healthy, text)


@ONE_LOOP
async def test_tcp(handlers: Handlers, web_port: int) -> None:
    assert (await handlers.ask({"tcpSocket": {"port": web_port}}, TARGET, 2)).healthy
    refused = await handlers.ask({"tcpSocket": {"port": 1}}, TARGET, 2)
    assert refused.text == "dial tcp 127.0.0.1:1: connect: connection refused"


@ONE_LOOP
@pytest.mark.parametrize(("state", "healthy"), [(1, True), (2, False)])
async def test_grpc(handlers: Handlers, state: int, healthy: bool) -> None:
    asked: list[bytes] = []

    async def check(request: bytes, context: object) -> bytes:
        asked.append(request)
        return bytes([0x08, state])

    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(check)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": method}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        answer = await handlers.ask({"grpc": {"port": port, "service": "db"}}, TARGET, 2)
    finally:
        await server.stop(None)
    assert answer.healthy is healthy
    assert asked == [b"\x0a\x02db"]
    if not healthy:
        assert answer.text == 'service unhealthy (responded with "NOT_SERVING")'


def test_ports_by_name() -> None:
    assert port_number(TARGET.container, "web") == 80
    assert port_number(TARGET.container, 8080) == 8080
    with pytest.raises(ProbeBroken, match="admin"):
        port_number(TARGET.container, "admin")
