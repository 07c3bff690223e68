"""ClusterIPs and node ports."""

from __future__ import annotations

from random import Random

import pytest

from steersman.api import kinds
from steersman.apiserver.allocators import Pool, ServiceAllocators, check_ranges
from steersman.apiserver.bootstrap import point
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.registry.strategy import AllocationError
from steersman.apiserver.server import APIServer
from steersman.client.rest import Client
from steersman.store.memory import MemoryStore


def make(cidr: str = "10.96.0.0/24", ports: tuple[int, int] = (30000, 30003)) -> ServiceAllocators:
    return ServiceAllocators((cidr,), ports, Random(1))


async def test_addresses_are_unique_until_the_range_is_full_and_return() -> None:
    allocators = make("10.96.0.0/28")
    taken = [await allocators.allocate_ip("IPv4") for _ in range(14)]
    assert sorted(taken) == sorted(f"10.96.0.{i}" for i in range(1, 15))
    with pytest.raises(AllocationError, match="full"):
        await allocators.allocate_ip("IPv4")
    await allocators.release_ip("10.96.0.7")
    assert await allocators.allocate_ip("IPv4") == "10.96.0.7"


def test_nobody_is_given_a_number_of_the_static_part_unasked() -> None:
    pool = Pool(0, 99, 16, Random(1))
    assert min(pool.draw() or 0 for _ in range(84)) == 16
    assert pool.draw() == 0


async def test_a_wanted_address_must_be_free_and_inside() -> None:
    allocators = make()
    assert await allocators.allocate_ip("IPv4", "10.96.0.10") == "10.96.0.10"
    with pytest.raises(AllocationError, match="already allocated"):
        await allocators.allocate_ip("IPv4", "10.96.0.10")
    with pytest.raises(AllocationError, match="not in the valid range"):
        await allocators.allocate_ip("IPv4", "10.97.0.10")


async def test_ports_work_the_same() -> None:
    allocators = make()
    with pytest.raises(AllocationError, match="30000-30003"):
        await allocators.allocate_port(80)
    assert sorted([await allocators.allocate_port() for _ in range(4)]) == [30000, 30001, 30002, 30003]


async def test_repair_learns_from_services_and_survives_doubles() -> None:
    allocators = make()
    service = {
        "metadata": {"name": "a", "namespace": "d"},
        "spec": {"clusterIPs": ["10.96.0.9"], "ports": [{"port": 1, "nodePort": 30001}]},
    }
    await allocators.repair([service, service, {"metadata": {}, "spec": {"clusterIPs": ["None"]}}])
    with pytest.raises(AllocationError):
        await allocators.allocate_ip("IPv4", "10.96.0.9")
    with pytest.raises(AllocationError):
        await allocators.allocate_port(30001)


@pytest.mark.parametrize(
    ("cidrs", "ports", "why"),
    [
        (("10.0.0.0/30",), (30000, 30001), "too small"),
        (("10.0.0.0/24", "10.1.0.0/24"), (30000, 30001), "one of each family"),
        ((), (30000, 30001), "one is needed"),
        (("10.0.0.1/24",), (30000, 30001), "host bits"),
        (("10.0.0.0/24", "fd00::/108"), (30001, 30000), "no range of ports"),
    ],
    ids=["small", "one family twice", "none", "no network", "ports backwards"],
)
def test_ranges_that_cannot_be_used_are_refused(
    cidrs: tuple[str, ...], ports: tuple[int, int], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        check_ranges(cidrs, ports)


async def test_two_networks_make_services_dual_stack_and_are_shown() -> None:
    config = APIServerConfig(store="memory", service_cidr="10.20.0.0/24,fd00:20::/112")
    store = MemoryStore()
    async with (
        APIServer(config, store=store, listen=False) as server,
        Client(server.transport()) as client,
    ):
        spec = {"ipFamilyPolicy": "PreferDualStack", "ports": [{"port": 80}]}
        made = await client.create(kinds.SERVICES, {"metadata": {"name": "s"}, "spec": spec}, "default")
        assert made["spec"]["ipFamilies"] == ["IPv4", "IPv6"]
        first, second = made["spec"]["clusterIPs"]
        assert (first.startswith("10.20.0."), second.startswith("fd00:20::")) == (True, True)
        shown = await client.get(kinds.SERVICE_CIDRS, "kubernetes")
        assert shown["spec"]["cidrs"] == ["10.20.0.0/24", "fd00:20::/112"]
        assert shown["status"]["conditions"][0]["type"] == "Ready"
    config = APIServerConfig(store="memory", service_cidr="10.20.0.0/24")
    async with (
        APIServer(config, store=store, listen=False) as server,
        Client(server.transport()) as client,
    ):
        shown = await client.get(kinds.SERVICE_CIDRS, "kubernetes")
        assert shown["spec"]["cidrs"] == ["10.20.0.0/24"]


async def test_servers_on_several_ports_and_families_have_slices_of_their_own() -> None:
    config = APIServerConfig(store="memory", service_cidr="fd00:20::/112")
    async with (
        APIServer(config, store=MemoryStore(), listen=False) as server,
        Client(server.transport()) as client,
    ):

        async def slices() -> dict[str, tuple[str, int, list[str]]]:
            found = (await client.list(kinds.ENDPOINT_SLICES, "default"))["items"]
            return {
                one["metadata"]["name"]: (
                    one["addressType"],
                    one["ports"][0]["port"],
                    [endpoint["addresses"][0] for endpoint in one["endpoints"]],
                )
                for one in found
            }

        await point(server.api, [("192.0.2.1", 6443), ("2001:db8::1", 6443), ("192.0.2.1", 6444)])
        assert await slices() == {
            "kubernetes": ("IPv4", 6443, ["192.0.2.1"]),
            "kubernetes-ipv6-6443": ("IPv6", 6443, ["2001:db8::1"]),
            "kubernetes-ipv4-6444": ("IPv4", 6444, ["192.0.2.1"]),
        }
        await point(server.api, [("192.0.2.1", 6443), ("192.0.2.2", 6443)])
        assert await slices() == {"kubernetes": ("IPv4", 6443, ["192.0.2.1", "192.0.2.2"])}


async def test_repair_takes_the_ports_of_a_service_whose_address_is_of_a_former_network() -> None:
    allocators = make()
    spec = {"clusterIPs": ["10.97.0.1"], "ports": [{"nodePort": 30001}]}
    await allocators.repair([{"metadata": {"name": "s", "namespace": "n"}, "spec": spec}])
    with pytest.raises(AllocationError, match="already allocated"):
        await allocators.allocate_port(30001)
