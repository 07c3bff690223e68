"""The whole loop in a throw-away namespace, against an API server in process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest
from tests.proxy.kernel import Machine, inside, usable
from tests.proxy.objects import endpoint, slice_of

from steersman.api.kinds import ENDPOINT_SLICES, SERVICES
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.client.events import EventRecorder
from steersman.client.informer import Informers
from steersman.client.rest import Client
from steersman.proxy import ProxyConfig, cleanup, run
from steersman.proxy.nftables import TABLE
from steersman.runtime.clock import SystemClock
from steersman.runtime.command import CommandFailed, run_command
from steersman.runtime.tasks import TaskGroup
from steersman.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not usable(), reason="needs root and nft"),
]


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    machine.tag += "p"
    try:
        machine.up()
        yield machine
    finally:
        machine.down()


async def until_rules(say: str, *, there: bool = True) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                rules = await run_command(("nft", "list", "table", "ip", TABLE))
            except CommandFailed:
                rules = ""
            if rules and (say in rules) == there:
                return
            await asyncio.sleep(0.02)


async def ask_health(port: int, endpoints: int) -> tuple[int, dict[str, object]]:
    """Status and body, once it answers that there are so many endpoints."""
    async with asyncio.timeout(10), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"http://192.0.2.1:{port}/") as answer:
                    body = await answer.json()
                    if body["localEndpoints"] == endpoints:
                        return answer.status, body
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.02)


async def check_health(client: Client) -> None:
    ports = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}]
    spec = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": ports}
    made = await client.create(SERVICES, {"metadata": {"name": "lb"}, "spec": spec}, "default")
    status, _ = await ask_health(made["spec"]["healthCheckNodePort"], 0)
    assert status == 503
    piece = slice_of(endpoint("10.244.2.3", "here"), name="lb")
    piece["metadata"]["namespace"] = "default"
    await client.create(ENDPOINT_SLICES, piece, "default")
    await until_rules("dnat to 10.244.2.3:8080")
    status, body = await ask_health(made["spec"]["healthCheckNodePort"], 1)
    assert (status, body) == (
        200,
        {"service": {"namespace": "default", "name": "lb"}, "localEndpoints": 1, "serviceProxyHealthy": True},
    )


async def live() -> None:
    config, clock = ProxyConfig("here", check_period=0.1), SystemClock()
    async with (
        APIServer(APIServerConfig(store="memory"), store=MemoryStore(), listen=False) as server,
        Client(server.transport()) as client,
        TaskGroup() as group,
    ):
        informers = Informers(client, clock)
        recorder = EventRecorder(client, "kube-proxy", clock=clock)
        tasks = [
            group.spawn(informers.run(), "informers"),
            group.spawn(run(config, client, informers, recorder, clock), "proxy"),
        ]
        ports = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}]
        web = {"metadata": {"name": "web"}, "spec": {"clusterIP": "10.96.0.77", "ports": ports}}
        await client.create(SERVICES, web, "default")
        await until_rules("10.96.0.77 . tcp . 80 : goto reject-it")
        piece = slice_of(endpoint("10.244.2.2"))
        piece["metadata"]["namespace"] = "default"
        await client.create(ENDPOINT_SLICES, piece, "default")
        await until_rules("dnat to 10.244.2.2:8080")
        await run_command(("nft", "delete", "table", "ip", TABLE))
        await until_rules("dnat to 10.244.2.2:8080")
        await check_health(client)
        await client.delete(SERVICES, "web", "default")
        await until_rules("10.96.0.77", there=False)
        for task in tasks:
            task.cancel()
    await cleanup()
    assert TABLE not in await run_command(("nft", "list", "tables"))


def test_rules_follow_the_api_and_come_back_when_taken_away(machine: Machine) -> None:
    inside(machine.ns("node"), lambda: asyncio.run(live()))
