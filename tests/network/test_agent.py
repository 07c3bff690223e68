"""The whole loop in a throw-away namespace, against an API server in process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.proxy.kernel import Machine, inside, usable

from steersman.api.kinds import NODES
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.client.events import EventRecorder
from steersman.client.informer import Informers
from steersman.client.rest import Client
from steersman.network import NetworkConfig, cleanup, run
from steersman.network.cni import CONFLIST
from steersman.runtime.clock import SystemClock
from steersman.runtime.command import run_command
from steersman.runtime.tasks import TaskGroup
from steersman.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not usable(), reason="needs root and nft"),
]


@pytest.fixture
def machine() -> Iterator[Machine]:
    machine = Machine()
    machine.tag += "n"
    try:
        machine.up()
        yield machine
    finally:
        machine.down()


async def add_node(client: Client, name: str, cidr: str, address: str) -> None:
    made = await client.create(
        NODES, {"metadata": {"name": name}, "spec": {"podCIDR": cidr, "podCIDRs": [cidr]}}
    )
    made["status"] = {"addresses": [{"type": "InternalIP", "address": address}]}
    await client.update(NODES, made, subresource="status")


async def until_routes(wanted: set[str]) -> None:
    """Until the pod routes of the namespace are exactly these destinations."""
    async with asyncio.timeout(10):
        while True:
            lines = (await run_command(("ip", "route", "show", "proto", "83"))).splitlines()
            if {line.split()[0] for line in lines} == wanted:
                return
            await asyncio.sleep(0.02)


async def live(directory: Path) -> None:
    config = NetworkConfig("here", cni_conf_dir=str(directory), cni_state_dir=str(directory / "state"))
    clock = SystemClock()
    async with (
        APIServer(APIServerConfig(store="memory"), store=MemoryStore(), listen=False) as server,
        Client(server.transport()) as client,
        TaskGroup() as group,
    ):
        informers = Informers(client, clock)
        recorder = EventRecorder(client, "network", clock=clock)
        tasks = [
            group.spawn(informers.run(), "informers"),
            group.spawn(run(config, client, informers, recorder, clock), "network"),
        ]
        await add_node(client, "here", "10.244.7.0/24", "192.0.2.1")
        await add_node(client, "near", "10.244.8.0/24", "192.0.2.9")
        await add_node(client, "far", "10.244.9.0/24", "203.0.113.1")
        await until_routes({"10.244.8.0/24"})
        assert "10.244.7.0/24" in (directory / CONFLIST).read_text()
        assert "10.96.0.10" in await run_command(("ip", "address", "show", "dev", "lo"))
        assert "203.0.113.1" in await run_command(("nft", "list", "table", "ip", "steersman-masquerade"))
        assert (await condition(client))["status"] == "False"
        await client.delete(NODES, "near")
        await until_routes(set())
        for task in tasks:
            task.cancel()
    await cleanup(config)
    assert "steersman" not in await run_command(("nft", "list", "tables"))
    assert "10.96.0.10" not in await run_command(("ip", "address", "show", "dev", "lo"))
    assert not (directory / CONFLIST).exists()


async def condition(client: Client) -> Any:
    async with asyncio.timeout(10):
        while True:
            node = await client.get(NODES, "here")
            for found in node["status"].get("conditions") or ():
                if found["type"] == "NetworkUnavailable":
                    return found
            await asyncio.sleep(0.02)


def test_a_node_is_set_up_follows_its_peers_and_is_cleaned_up(
    machine: Machine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inside(machine.ns("node"), lambda: asyncio.run(live(tmp_path)))
    assert "no route to 10.244.9.0/24 by 203.0.113.1" in caplog.text
