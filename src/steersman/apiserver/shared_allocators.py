"""ClusterIPs and node ports where several API servers give them out.

The Services are the record, and every server follows them: a number is taken while a Service has it. Between
being drawn and the Service being stored a number is held by the server that drew it, and reserved in the
store, so that no two servers draw the same one. A reservation ends by itself soon after: a server that dies
in between leaves nothing behind.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from steersman.api import kinds
from steersman.apiserver.allocators import Pool, ServiceAllocators, held_by
from steersman.apiserver.registry.strategy import AllocationError
from steersman.store.base import CompareFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from steersman.api.cidr import Family
    from steersman.api.types import Object
    from steersman.apiserver.api import API
    from steersman.store.base import Store

RESERVED = "/registry/ranges/"
RESERVED_SECONDS = 60.0
"""Longer than a request may take from drawing a number to storing its Service."""


class FollowedPool(Pool):
    """A pool whose taken numbers are those of the Services, and those on their way into one."""

    def __init__(self, first: int, last: int, static: int, random: Random) -> None:
        super().__init__(first, last, static, random)
        self._stored: set[int] = set()

    def take(self, wanted: int) -> bool:
        """See `Pool.take`."""
        return wanted not in self._stored and super().take(wanted)

    def appear(self, number: int) -> None:
        """A Service has it now."""
        self._stored.add(number)
        self.release(number)

    def vanish(self, number: int) -> None:
        """No Service has it any more."""
        self._stored.discard(number)

    @property
    def free(self) -> int:
        """How many are left."""
        return super().free - len(self._stored)


class SharedAllocators(ServiceAllocators):
    """See the module's text."""

    pool = FollowedPool

    def __init__(self, store: Store, cidrs: Iterable[str], ports: tuple[int, int], random: Random) -> None:
        super().__init__(cidrs, ports, random)
        self._store = store

    async def follow(self, api: API) -> Callable[[], None]:
        """Take what Services have, now and from now on; returns the function that ends it."""
        return await api.follow(kinds.SERVICES, self._changed)

    def _changed(self, old: Object | None, new: Object | None) -> None:
        before = held_by(old) if old is not None else ([], set())
        after = held_by(new) if new is not None else ([], set())
        for address in before[0]:
            if address not in after[0] and (pool := self._pool_of(address)) is not None:
                pool.vanish(int(ipaddress.ip_address(address)))
        for address in after[0]:
            if (pool := self._pool_of(address)) is not None:
                pool.appear(int(ipaddress.ip_address(address)))
        ports = self._ports
        assert isinstance(ports, FollowedPool)
        for port in before[1] - after[1]:
            ports.vanish(port)
        for port in after[1]:
            ports.appear(port)

    def _pool_of(self, address: str) -> FollowedPool | None:
        pool = self._addresses.get("IPv6" if ":" in address else "IPv4")
        assert pool is None or isinstance(pool, FollowedPool)
        return pool

    async def allocate_ip(self, family: Family, wanted: str | None = None) -> str:
        """Take an address. Raises: AllocationError."""
        while True:
            address = await super().allocate_ip(family, wanted)
            if await self._reserve(f"serviceips/{address}"):
                return address
            await super().release_ip(address)
            if wanted is not None:
                raise AllocationError("provided IP is already allocated")

    async def release_ip(self, address: str) -> None:
        """Give an address back; unknown addresses are ignored."""
        await super().release_ip(address)
        await self._free(f"serviceips/{address}")

    async def allocate_port(self, wanted: int | None = None) -> int:
        """Take a node port. Raises: AllocationError."""
        while True:
            port = await super().allocate_port(wanted)
            if await self._reserve(f"servicenodeports/{port}"):
                return port
            await super().release_port(port)
            if wanted is not None:
                raise AllocationError("provided port is already allocated")

    async def release_port(self, port: int) -> None:
        """Give a node port back; unknown ports are ignored."""
        await super().release_port(port)
        await self._free(f"servicenodeports/{port}")

    async def _reserve(self, name: str) -> bool:
        """Say whether this server is the one that may give a number out. Raises: StoreUnavailable."""
        try:
            await self._store.put(RESERVED + name, b"{}", expect=0, ttl=RESERVED_SECONDS)
        except CompareFailed:
            return False
        return True

    async def _free(self, name: str) -> None:
        """End a reservation, if there is one. Raises: StoreUnavailable."""
        try:
            await self._store.delete(RESERVED + name, expect=None)
        except CompareFailed:
            return
