"""The whole server on a loopback port, over an in-process API server, asked by dig."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from steersman.api.kinds import ENDPOINT_SLICES, SERVICES
from steersman.client.informer import Informers
from steersman.dns.agent import serve
from steersman.dns.config import DNSConfig
from steersman.runtime.clock import SystemClock
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from steersman.client.rest import Client

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("dig") is None, reason="needs dig"),
]


async def dig(port: int, *args: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "dig", "@127.0.0.1", "-p", str(port), "+tries=1", "+time=5", *args, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return out.decode()


@asynccontextmanager
async def server(client: Client, **settings: Any) -> AsyncIterator[int]:
    informers = Informers(client)
    listening: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
    config = DNSConfig(addresses=("127.0.0.1",), port=0, **({"resolv_conf": "/nonexistent"} | settings))
    async with TaskGroup() as group:
        tasks = [
            group.spawn(informers.run(), "informers"),
            group.spawn(serve(config, informers, SystemClock(), listening.set_result), "dns"),
        ]
        (port,) = await listening
        await informers.wait_synced()
        yield port
        for task in tasks:
            task.cancel()


@pytest.fixture
async def port(client: Client) -> AsyncIterator[int]:
    ports = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}]
    meta = {"namespace": "default"}
    web = {"metadata": {"name": "web", **meta}, "spec": {"clusterIP": "10.96.0.99", "ports": ports}}
    many = {"metadata": {"name": "many", **meta}, "spec": {"clusterIP": "None", "ports": ports}}
    out = {"metadata": {"name": "out", **meta}, "spec": {"type": "ExternalName", "externalName": "my.host"}}
    for obj in (web, many, out):
        await client.create(SERVICES, obj, "default")
    piece = {
        "metadata": {"name": "many-1", **meta, "labels": {"kubernetes.io/service-name": "many"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        "endpoints": [{"addresses": [f"10.244.3.{i}"], "conditions": {"ready": True}} for i in range(1, 101)],
    }
    await client.create(ENDPOINT_SLICES, piece, "default")
    async with server(client, hosts=(("my.host", "192.0.2.77"),)) as port:
        yield port


async def test_dig_sees_the_cluster(port: int) -> None:
    zone = "default.svc.cluster.local"
    assert (await dig(port, "+short", f"web.{zone}")).split() == ["10.96.0.99"]
    assert (await dig(port, "+short", f"WEB.{zone}")).split() == ["10.96.0.99"]
    assert (await dig(port, "+short", f"_http._tcp.web.{zone}", "SRV")).split() == [
        "0",
        "100",
        "80",
        f"web.{zone}.",
    ]
    assert (await dig(port, "+short", "-x", "10.96.0.99")).split() == [f"web.{zone}."]
    assert (await dig(port, "+short", f"out.{zone}")).split() == ["my.host.", "192.0.2.77"]
    assert (await dig(port, "+short", "dns-version.cluster.local", "TXT")).split() == ['"1.1.0"']
    assert (await dig(port, "+short", "10-1-2-3.default.pod.cluster.local")).split() == ["10.1.2.3"]
    nobody = await dig(port, f"nobody.{zone}")
    assert "status: NXDOMAIN" in nobody
    assert "SOA" in nobody
    empty = await dig(port, f"web.{zone}", "AAAA")
    assert "status: NOERROR" in empty
    assert "ANSWER: 0" in empty
    assert "status: SERVFAIL" in await dig(port, "example.org")


async def test_a_large_answer_comes_whole_over_tcp(port: int) -> None:
    name = "many.default.svc.cluster.local"
    assert len((await dig(port, "+short", name)).split()) == 100  # dig falls back to TCP
    cut = await dig(port, "+ignore", "+noedns", name)
    assert " tc" in cut
    assert len((await dig(port, "+tcp", "+short", name)).split()) == 100


async def test_names_outside_go_upstream_and_come_back(client: Client) -> None:
    async with (
        server(client, domain="example.org", hosts=(("www.example.net", "192.0.2.80"),)) as above,
        server(
            client, upstreams=(f"127.0.0.1:{above}",), stub_domains=(("gone.test", ("127.0.0.1:1",)),)
        ) as port,
    ):
        assert (await dig(port, "+short", "www.example.net")).split() == ["192.0.2.80"]
        assert (await dig(port, "+short", "+tcp", "www.example.net")).split() == ["192.0.2.80"]
        assert "status: SERVFAIL" in await dig(port, "www.gone.test")
