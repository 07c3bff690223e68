"""ClusterIPs and node ports: who holds which, in memory, learnt from the Services at start.

The Services themselves are the record. `repair` reads them when the server starts, so nothing has to be
stored and a crash between an allocation and its Service leaves nothing behind. Numbers for whoever names none
are drawn at random from the upper part of a range; the lower part is left to those who ask for a number of
their own (as the cluster's DNS does), and is used when the upper one is full. Source: Kubernetes, "Service
ClusterIP allocation".
"""

from __future__ import annotations

import ipaddress
import logging
from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.apiserver.registry.strategy import AllocationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from steersman.api.cidr import Family
    from steersman.api.types import Object

log = logging.getLogger("steersman.apiserver.allocators")
SMALLEST = 8
"""Addresses a service network needs at least, as upstream's."""
DRAWS = 32
"""Random tries before the range is searched in order."""


class Pool:
    """Numbers of a range `[first, last]`, the first `static` of them only on demand."""

    def __init__(self, first: int, last: int, static: int, random: Random) -> None:
        self.first, self.last = first, last
        self._dynamic = first + min(static, last - first)
        self._random = random
        self._used: set[int] = set()

    def take(self, wanted: int) -> bool:
        """Take one number; False when somebody has it."""
        if wanted in self._used:
            return False
        self._used.add(wanted)
        return True

    def draw(self) -> int | None:
        """Take any free number, None when there is none."""
        for _ in range(DRAWS):
            number = self._random.randint(self._dynamic, self.last)
            if self.take(number):
                return number
        if len(self._used) > self.last - self.first:
            return None
        searched = (*range(self._dynamic, self.last + 1), *range(self.first, self._dynamic))
        return next((number for number in searched if self.take(number)), None)

    def release(self, number: int) -> None:
        """Give a number back; idempotent."""
        self._used.discard(number)

    @property
    def free(self) -> int:
        """How many are left."""
        return self.last - self.first + 1 - len(self._used)


def _static(size: int) -> int:
    """Return how many addresses at the beginning of a range of `size` are given on demand only."""
    return min(max(16, size // 16), 256)


class ServiceAllocators:
    """The `Allocators` of strategies: one pool of addresses a family, one of node ports."""

    pool: type[Pool] = Pool

    def __init__(self, cidrs: Iterable[str], ports: tuple[int, int], random: Random) -> None:
        self._networks: dict[Family, ipaddress.IPv4Network | ipaddress.IPv6Network] = {}
        self._addresses: dict[Family, Pool] = {}
        for cidr in cidrs:
            network = ipaddress.ip_network(cidr)
            family: Family = "IPv4" if network.version == 4 else "IPv6"
            first, size = int(network.network_address), min(network.num_addresses, 1 << 20)
            self._networks[family] = network
            self._addresses[family] = self.pool(first + 1, first + size - 2, _static(size), random)
        self._ports = self.pool(
            ports[0], ports[1], min(max(16, (ports[1] - ports[0] + 1) // 32), 128), random
        )

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of the service networks, the primary one first."""
        return tuple(self._networks)

    async def allocate_ip(self, family: Family, wanted: str | None = None) -> str:
        """Take an address. Raises: AllocationError."""
        network = self._networks.get(family)
        if network is None:
            raise AllocationError(f"no service network of family {family} is configured")
        pool = self._addresses[family]
        if wanted is None:
            number = pool.draw()
            if number is None:
                raise AllocationError("range is full")
            return str(ipaddress.ip_address(number))
        try:
            address = ipaddress.ip_address(wanted)
        except ValueError:
            raise AllocationError(f"the provided IP ({wanted}) is not a valid IP address") from None
        if not pool.first <= int(address) <= pool.last or address not in network:
            raise AllocationError(
                f"the provided IP ({wanted}) is not in the valid range. The range of valid IPs is {network}"
            )
        if not pool.take(int(address)):
            raise AllocationError("provided IP is already allocated")
        return wanted

    async def release_ip(self, address: str) -> None:
        """Give an address back; unknown addresses are ignored."""
        parsed = ipaddress.ip_address(address)
        pool = self._addresses.get("IPv4" if parsed.version == 4 else "IPv6")
        if pool is not None:
            pool.release(int(parsed))

    async def allocate_port(self, wanted: int | None = None) -> int:
        """Take a node port. Raises: AllocationError."""
        pool = self._ports
        if wanted is None:
            port = pool.draw()
            if port is None:
                raise AllocationError("range is full")
            return port
        if not pool.first <= wanted <= pool.last:
            raise AllocationError(
                "provided port is not in the valid range. The range of valid ports is "
                f"{pool.first}-{pool.last}"
            )
        if not pool.take(wanted):
            raise AllocationError("provided port is already allocated")
        return wanted

    async def release_port(self, port: int) -> None:
        """Give a node port back; unknown ports are ignored."""
        self._ports.release(port)

    async def repair(self, services: Iterable[Object]) -> None:
        """Take what existing Services hold; what two of them hold is logged, the first one counts."""
        for service in services:
            addresses, ports = held_by(service)
            taking = [
                *(self.allocate_ip("IPv6" if ":" in address else "IPv4", address) for address in addresses),
                *(self.allocate_port(port) for port in sorted(ports)),
            ]
            for one in taking:
                try:
                    await one
                except (AllocationError, ValueError) as error:
                    log.error("service %s: %s", meta.key(service), error)


def check_ranges(cidrs: Sequence[str], ports: tuple[int, int]) -> None:
    """Raise ValueError, in words for whoever wrote them, for ranges that cannot be used."""
    families = []
    for cidr in cidrs:
        network = ipaddress.ip_network(cidr)
        if network.num_addresses < SMALLEST:
            raise ValueError(f"service network {cidr} is too small: it needs at least {SMALLEST} addresses")
        families.append(network.version)
    if not families or len(set(families)) != len(families):
        raise ValueError("service networks: one is needed, or one of each family: " + ",".join(cidrs))
    if not 0 < ports[0] <= ports[1] <= 65535:
        raise ValueError(f"node ports {ports[0]}-{ports[1]}: this is no range of ports")


def held_by(service: Object) -> tuple[list[str], set[int]]:
    """Return the addresses and the node ports a Service has."""
    spec = service.get("spec") or {}
    addresses = [address for address in spec.get("clusterIPs") or () if address and address != "None"]
    ports = {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}
    if spec.get("healthCheckNodePort"):
        ports.add(spec["healthCheckNodePort"])
    return addresses, ports
