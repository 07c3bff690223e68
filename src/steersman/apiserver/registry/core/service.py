"""Services: cluster addresses, families and node ports, kept, taken and given back as the type demands.

    begin               settle what the change means, then take addresses and ports that are missing
    finish              give back what was taken (write failed) or what is no longer used (write stored)
    after_delete        give everything back

Source: k8s pkg/registry/core/service/storage (alloc.go, transaction.go) and the documented dual-stack rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.api.errors import Invalid
from steersman.api.fields import Path, invalid
from steersman.apiserver.registry.core import service_type
from steersman.apiserver.registry.strategy import (
    AllocationError,
    Allocators,
    Context,
    Strategy,
    finish_nothing,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from steersman.api.types import Object

_SPEC = Path("spec")


class ServiceStrategy(Strategy):
    """Services, as written through their main resource."""

    allow_create_on_update = True
    allocates = True
    extra_fields = ("spec.clusterIP", "spec.type")

    async def begin(self, ctx: Context, obj: Object, old: Object | None) -> Callable[[bool], Awaitable[None]]:
        spec = obj["spec"]
        before = (old or {}).get("spec") or {}
        if old is not None:
            service_type.drop_unneeded(spec, before)
            service_type.keep_allocated(spec, before)
        service_type.agree_on_addresses(spec, before)
        if ctx.allocators is None:
            return finish_nothing
        service_type.choose_families(self.resource, meta.name(obj), spec, ctx.allocators.families)
        taking = _Taking(self, meta.name(obj), ctx.allocators, before)
        taken = False
        try:
            await taking.take(spec)
            taken = True
        finally:
            if not taken:
                await taking.finish(stored=False)
        return taking.finish

    def warnings(self, ctx: Context, obj: Object, old: Object | None) -> list[str]:
        return service_type.warnings(obj["spec"])

    async def after_delete(self, ctx: Context, obj: Object) -> None:
        if ctx.allocators is None:
            return
        addresses, ports = _holds(obj.get("spec") or {})
        for address in addresses:
            await ctx.allocators.release_ip(address)
        for port in ports:
            await ctx.allocators.release_port(port)

    def add_fields(self, fields: dict[str, str], obj: Object) -> None:
        spec = obj.get("spec") or {}
        for name in ("clusterIP", "type"):
            if spec.get(name):
                fields[f"spec.{name}"] = spec[name]


def _holds(spec: Object) -> tuple[set[str], set[int]]:
    """Return the addresses and ports a stored Service holds."""
    addresses = {address for address in spec.get("clusterIPs") or () if address and address != "None"}
    ports = {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}
    if spec.get("healthCheckNodePort"):
        ports.add(spec["healthCheckNodePort"])
    return addresses, ports


class _Taking:
    """What one write takes from the allocators, and the way back."""

    def __init__(self, strategy: Strategy, name: str, allocators: Allocators, before: Object) -> None:
        self._strategy, self._name, self._allocators = strategy, name, allocators
        self._held = _holds(before)
        self._wanted: tuple[set[str], set[int]] = (set(), set())
        self._addresses: list[str] = []
        self._ports: list[int] = []

    async def take(self, spec: Object) -> None:
        """Take what `spec` names and what it lacks.  Raises: Invalid."""
        if service_type.has_cluster_ip(spec):
            await self._take_addresses(spec)
        if service_type.has_node_ports(spec):
            await self._take_ports(spec)
        if service_type.needs_health_check_port(spec):
            path = _SPEC.child("healthCheckNodePort")
            spec["healthCheckNodePort"] = await self._port(path, spec.get("healthCheckNodePort") or None)
        self._wanted = _holds(spec)

    async def _take_addresses(self, spec: Object) -> None:
        given = list(spec.get("clusterIPs") or ())
        taken: list[str] = []
        for index, family in enumerate(spec["ipFamilies"]):
            wanted = given[index] if index < len(given) and given[index] else None
            if wanted in self._held[0]:
                taken.append(str(wanted))
                continue
            try:
                address = await self._allocators.allocate_ip(family, wanted)
            except AllocationError as error:
                text = (
                    f"failed to allocate IP {wanted}: {error}"
                    if wanted
                    else f"failed to allocate IP: {error}"
                )
                raise self._invalid(_SPEC.child("clusterIPs"), given, text) from error
            self._addresses.append(address)
            taken.append(address)
        spec["clusterIPs"], spec["clusterIP"] = taken, taken[0]

    async def _take_ports(self, spec: Object) -> None:
        # TCP and UDP of the same port may share a node port, so each number is taken once.
        mine: set[int] = set()
        for index, port in enumerate(spec.get("ports") or ()):
            wanted = port.get("nodePort") or None
            if wanted is None:
                shared = service_type.port_of_twin(spec, port)
                port["nodePort"] = shared or await self._port(_SPEC, None)
            elif wanted not in mine:
                await self._port(_SPEC.child("ports").index(index).child("nodePort"), wanted)
            mine.add(port["nodePort"])

    async def _port(self, path: Path, wanted: int | None) -> int:
        if wanted in self._held[1]:
            return int(wanted or 0)
        try:
            port = await self._allocators.allocate_port(wanted)
        except AllocationError as error:
            raise self._invalid(path, wanted, str(error)) from error
        self._ports.append(port)
        return port

    def _invalid(self, path: Path, value: object, text: str) -> Invalid:
        return Invalid.of(self._strategy.resource, self._name, [invalid(path, value, text)])

    async def finish(self, stored: bool) -> None:
        """Give back what the outcome leaves unused."""
        if stored:
            addresses, ports = self._held[0] - self._wanted[0], self._held[1] - self._wanted[1]
        else:
            addresses, ports = set(self._addresses), set(self._ports)
        for address in addresses:
            await self._allocators.release_ip(address)
        for port in ports:
            await self._allocators.release_port(port)
