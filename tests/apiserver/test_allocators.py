"""ClusterIPs and node ports."""

from __future__ import annotations

from random import Random

import pytest

from steersman.apiserver.allocators import Pool, ServiceAllocators
from steersman.apiserver.registry.strategy import AllocationError


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
