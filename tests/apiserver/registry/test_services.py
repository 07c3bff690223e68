"""Services: addresses and node ports are taken, kept and given back."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest

from steersman.api import defaults, kinds, validation
from steersman.api.errors import Invalid
from steersman.apiserver.registry import AllocationError, Context, strategy_for

if TYPE_CHECKING:
    from steersman.api.cidr import Family
    from steersman.api.types import Object

STRATEGY = strategy_for(kinds.SERVICES)


class FakeAllocators:
    """Hands out addresses and ports in order."""

    def __init__(self, families: tuple[Family, ...] = ("IPv4",)) -> None:
        self.families = families
        self.addresses: set[str] = set()
        self.ports: set[int] = set()

    async def allocate_ip(self, family: Family, wanted: str | None = None) -> str:
        base = "10.0.0." if family == "IPv4" else "fd00::"
        free = (f"{base}{number}" for number in range(1, 250))
        address = wanted or next(address for address in free if address not in self.addresses)
        if address in self.addresses:
            raise AllocationError("provided IP is already allocated")
        self.addresses.add(address)
        return address

    async def release_ip(self, address: str) -> None:
        self.addresses.discard(address)

    async def allocate_port(self, wanted: int | None = None) -> int:
        port = wanted or next(port for port in range(30000, 32768) if port not in self.ports)
        if port in self.ports:
            raise AllocationError("provided port is already allocated")
        self.ports.add(port)
        return port

    async def release_port(self, port: int) -> None:
        self.ports.discard(port)


async def write(
    allocators: FakeAllocators, spec: Object, old: Object | None = None, *, stored: bool = True
) -> Object:
    obj: Object = {"metadata": {"name": "s", "namespace": "ns"}, "spec": copy.deepcopy(spec)}
    defaults.default(kinds.SERVICES, obj)
    ctx = Context(kinds.SERVICES, allocators=allocators)
    finish = await STRATEGY.begin(ctx, obj, old)
    if old is None:
        STRATEGY.prepare_for_create(ctx, obj)
        errors = STRATEGY.validate(ctx, obj)
    else:
        STRATEGY.prepare_for_update(ctx, obj, old)
        errors = validation.validate_update(kinds.SERVICES, obj, old)
    await finish(stored and not errors)
    assert [str(error) for error in errors] == []
    return obj


PORTS: Object = {"ports": [{"port": 80}]}


async def test_a_plain_service_gets_an_address() -> None:
    service = await write(FakeAllocators(), PORTS)
    assert service["spec"]["clusterIP"] == "10.0.0.1"
    assert service["spec"]["clusterIPs"] == ["10.0.0.1"]
    assert service["spec"]["ipFamilies"] == ["IPv4"]
    assert service["spec"]["ipFamilyPolicy"] == "SingleStack"


async def test_dual_stack_gets_two() -> None:
    spec = {**PORTS, "ipFamilyPolicy": "PreferDualStack"}
    service = await write(FakeAllocators(("IPv4", "IPv6")), spec)
    assert service["spec"]["clusterIPs"] == ["10.0.0.1", "fd00::1"]
    single = await write(FakeAllocators(), spec)
    assert single["spec"]["clusterIPs"] == ["10.0.0.1"]
    with pytest.raises(Invalid, match="not configured for dual-stack"):
        await write(FakeAllocators(), {**PORTS, "ipFamilyPolicy": "RequireDualStack"})


async def test_a_headless_service_gets_none() -> None:
    allocators = FakeAllocators()
    service = await write(allocators, {"clusterIP": "None", "selector": {"a": "b"}})
    assert service["spec"]["clusterIPs"] == ["None"]
    assert allocators.addresses == set()


async def test_a_taken_address_is_refused_and_nothing_is_kept() -> None:
    allocators = FakeAllocators()
    await write(allocators, {**PORTS, "clusterIP": "10.0.0.9"})
    with pytest.raises(Invalid, match="provided IP is already allocated"):
        await write(allocators, {**PORTS, "clusterIP": "10.0.0.9", "type": "NodePort"})
    assert (allocators.addresses, allocators.ports) == ({"10.0.0.9"}, set())


async def test_a_failed_write_gives_back() -> None:
    allocators = FakeAllocators()
    await write(allocators, {**PORTS, "type": "NodePort"}, stored=False)
    assert (allocators.addresses, allocators.ports) == (set(), set())


async def test_an_update_keeps_what_was_allocated() -> None:
    allocators = FakeAllocators()
    old = await write(allocators, {**PORTS, "type": "NodePort"})
    new = await write(allocators, {**PORTS, "type": "NodePort", "selector": {"a": "b"}}, old)
    assert new["spec"]["clusterIP"] == old["spec"]["clusterIP"]
    assert new["spec"]["ports"][0]["nodePort"] == 30000


async def test_an_update_that_names_no_family_keeps_both() -> None:
    allocators = FakeAllocators(("IPv4", "IPv6"))
    old = await write(allocators, {**PORTS, "ipFamilyPolicy": "PreferDualStack"})
    new = await write(allocators, {**PORTS, "selector": {"a": "b"}}, old)
    for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        assert new["spec"][name] == old["spec"][name]


async def test_going_from_node_port_to_cluster_ip_frees_the_port() -> None:
    allocators = FakeAllocators()
    old = await write(allocators, {**PORTS, "type": "NodePort"})
    new = copy.deepcopy(old["spec"]) | {"type": "ClusterIP"}
    changed = await write(allocators, new, old)
    assert "nodePort" not in changed["spec"]["ports"][0]
    assert allocators.ports == set()


async def test_becoming_an_external_name_frees_the_address() -> None:
    allocators = FakeAllocators()
    old = await write(allocators, PORTS)
    new = copy.deepcopy(old["spec"]) | {"type": "ExternalName", "externalName": "example.com"}
    changed = await write(allocators, new, old)
    assert "clusterIP" not in changed["spec"]
    assert allocators.addresses == set()


async def test_two_protocols_of_one_port_share_a_node_port() -> None:
    ports = [{"name": "t", "port": 53}, {"name": "u", "port": 53, "protocol": "UDP"}]
    service = await write(FakeAllocators(), {"type": "NodePort", "ports": ports})
    assert [port["nodePort"] for port in service["spec"]["ports"]] == [30000, 30000]


async def test_an_address_never_changes() -> None:
    allocators = FakeAllocators()
    old = await write(allocators, PORTS)
    new = copy.deepcopy(old["spec"]) | {"clusterIP": "10.0.0.77", "clusterIPs": ["10.0.0.77"]}
    with pytest.raises(AssertionError, match="may not change once set"):
        await write(allocators, new, old)
    assert allocators.addresses == {"10.0.0.1"}


async def test_deleting_gives_everything_back() -> None:
    allocators = FakeAllocators()
    service = await write(allocators, {**PORTS, "type": "LoadBalancer", "externalTrafficPolicy": "Local"})
    assert service["spec"]["healthCheckNodePort"]
    await STRATEGY.after_delete(Context(kinds.SERVICES, allocators=allocators), service)
    assert (allocators.addresses, allocators.ports) == (set(), set())
