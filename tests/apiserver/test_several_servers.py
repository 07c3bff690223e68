"""Two API servers over one etcd: what one acknowledged the other shows, at once and to its watchers."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, cast

import pytest
from tests.store.etcd.servers import Etcd

from steersman.api import kinds
from steersman.api.errors import AlreadyExists, Conflict, Gone, Invalid, NotFound
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.client.rest import Client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from steersman.api.types import Object
    from steersman.store.etcd.store import EtcdStore

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("etcd") is None, reason="etcd is not installed"),
]
Pair = tuple[Client, Client]


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    with Etcd(tmp_path_factory.mktemp("etcd")) as cluster:
        yield cluster


@pytest.fixture
async def pair(etcd: Etcd) -> AsyncIterator[Pair]:
    config = APIServerConfig(store="etcd", etcd_servers=tuple(etcd.endpoints))
    async with APIServer(config, listen=False) as one, APIServer(config, listen=False) as two:
        yield Client(one.transport()), Client(two.transport())


def config_map(name: str, **data: str) -> Object:
    return {"metadata": {"name": name, "namespace": "default"}, "data": data}


async def test_a_read_sees_what_another_server_acknowledged(pair: Pair) -> None:
    one, two = pair
    name = "read"
    await one.create(kinds.CONFIG_MAPS, config_map(name, n="0"), "default")
    for i in range(1, 50):
        obj = await two.get(kinds.CONFIG_MAPS, name, "default")
        assert obj["data"]["n"] == str(i - 1)
        obj["data"]["n"] = str(i)
        await two.update(kinds.CONFIG_MAPS, obj)
        one, two = two, one
    await one.delete(kinds.CONFIG_MAPS, name, "default")
    with pytest.raises(NotFound):
        await two.get(kinds.CONFIG_MAPS, name, "default")


async def test_a_name_is_given_once_and_a_stale_update_refused(pair: Pair) -> None:
    one, two = pair
    made = await one.create(kinds.CONFIG_MAPS, config_map("once"), "default")
    with pytest.raises(AlreadyExists):
        await two.create(kinds.CONFIG_MAPS, config_map("once"), "default")
    await two.patch(kinds.CONFIG_MAPS, "once", {"data": {"a": "b"}}, "default")
    with pytest.raises(Conflict):
        await one.update(kinds.CONFIG_MAPS, {**made, "data": {"a": "c"}})


async def test_concurrent_patches_by_both_servers_all_count(pair: Pair) -> None:
    await pair[0].create(kinds.CONFIG_MAPS, config_map("patched"), "default")
    await asyncio.gather(
        *(
            pair[i % 2].patch(kinds.CONFIG_MAPS, "patched", {"data": {f"k{i}": "v"}}, "default")
            for i in range(20)
        )
    )
    for client in pair:
        assert len((await client.get(kinds.CONFIG_MAPS, "patched", "default"))["data"]) == 20


async def test_a_watch_at_one_server_sees_writes_at_the_other(pair: Pair) -> None:
    one, two = pair
    start = (await one.list(kinds.CONFIG_MAPS, "default"))["metadata"]["resourceVersion"]
    for i in range(20):
        await pair[i % 2].create(kinds.CONFIG_MAPS, config_map(f"seen-{i}"), "default")
    names: list[str] = []
    async for event in one.watch(kinds.CONFIG_MAPS, "default", resource_version=start):
        names.append(event.object["metadata"]["name"])
        if len(names) == 20:
            break
    assert names == [f"seen-{i}" for i in range(20)]
    assert len((await two.list(kinds.CONFIG_MAPS, "default"))["items"]) >= 20


def service(name: str, address: str = "", port: int = 0) -> Object:
    ports: Object = {"port": 80} | ({"nodePort": port} if port else {})
    spec: Object = {"type": "NodePort", "ports": [ports]} | ({"clusterIP": address} if address else {})
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


async def test_no_address_or_port_is_given_twice(pair: Pair) -> None:
    made = await asyncio.gather(
        *(pair[i % 2].create(kinds.SERVICES, service(f"s{i}"), "default") for i in range(30))
    )
    assert len({one["spec"]["clusterIP"] for one in made}) == 30
    assert len({one["spec"]["ports"][0]["nodePort"] for one in made}) == 30


async def test_of_two_who_ask_for_the_same_numbers_one_gets_them(pair: Pair) -> None:
    for _ in range(5):
        outcomes = await asyncio.gather(
            *(
                client.create(kinds.SERVICES, service(f"wanted-{i}", "10.96.0.77", 30077), "default")
                for i, client in enumerate(pair)
            ),
            return_exceptions=True,
        )
        winners = [one for one in outcomes if not isinstance(one, BaseException)]
        assert len(winners) == 1
        assert [type(one) for one in outcomes if isinstance(one, BaseException)] == [Invalid]
        await pair[0].delete(kinds.SERVICES, winners[0]["metadata"]["name"], "default")


async def test_the_kubernetes_service_points_at_the_servers_there_are(etcd: Etcd) -> None:
    async def addresses(client: Client) -> list[str]:
        endpoints = await client.get(kinds.ENDPOINTS, "kubernetes", "default")
        return [one["ip"] for subset in endpoints["subsets"] for one in subset["addresses"]]

    def server(address: str) -> APIServer:
        config = APIServerConfig(store="etcd", etcd_servers=tuple(etcd.endpoints), advertise_address=address)
        return APIServer(config, listen=False)

    async with server("10.0.0.1") as one:
        client = Client(one.transport())
        async with server("10.0.0.2"):
            seen: list[str] = []
            async for event in client.watch(kinds.ENDPOINTS, "default", resource_version="0"):
                subsets = event.object["subsets"]
                seen = [one["ip"] for subset in subsets for one in subset["addresses"]]
                if seen == ["10.0.0.1", "10.0.0.2"]:
                    break
        assert await addresses(client) == ["10.0.0.1"]


async def test_a_server_that_missed_changes_reads_anew_and_ends_its_watches(etcd: Etcd) -> None:
    config = APIServerConfig(store="etcd", etcd_servers=tuple(etcd.endpoints))
    async with APIServer(config, listen=False) as deaf, APIServer(config, listen=False) as other:
        client, writer = Client(deaf.transport()), Client(other.transport())
        for name in ("missed-gone", "missed-changed"):
            await writer.create(kinds.CONFIG_MAPS, config_map(name), "default")
        start = (await client.list(kinds.CONFIG_MAPS, "default"))["metadata"]["resourceVersion"]
        changes: list[tuple[str, bool, bool]] = []

        def note(old: Object | None, new: Object | None) -> None:
            name = (new or old or {})["metadata"]["name"]
            if name.startswith("missed"):
                changes.append((name, old is not None, new is not None))

        await deaf.api.follow(kinds.CONFIG_MAPS, note)
        changes.clear()
        follower = cast("EtcdStore", deaf.store)._follower
        take = follower._take
        follower._take = lambda raw: None  # type: ignore[method-assign]
        await writer.delete(kinds.CONFIG_MAPS, "missed-gone", "default")
        await writer.patch(kinds.CONFIG_MAPS, "missed-changed", {"data": {"a": "b"}}, "default")
        await writer.create(kinds.CONFIG_MAPS, config_map("missed-new"), "default")
        await other.store.compact(other.store.revision)
        follower._take = take  # type: ignore[method-assign]
        await follower._bridge(other.store.revision)
        assert sorted(changes) == [
            ("missed-changed", True, True),
            ("missed-gone", True, False),
            ("missed-new", False, True),
        ]
        with pytest.raises(Gone):
            async for _ in client.watch(kinds.CONFIG_MAPS, "default", resource_version=start):
                pass
        names = {
            one["metadata"]["name"] for one in (await client.list(kinds.CONFIG_MAPS, "default"))["items"]
        }
        assert {"missed-changed", "missed-new"} <= names
        assert "missed-gone" not in names
