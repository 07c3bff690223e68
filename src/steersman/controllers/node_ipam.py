"""Pod networks for nodes: each node gets `spec.podCIDRs`, one network of each family, for as long as it
exists.

Source: k8s pkg/controller/nodeipam (RangeAllocator). Networks are handed out in order and not reused until
the end of the range is reached, so that a node that comes back does not find another's addresses in caches.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.controllers.config import ControllerManagerConfig

__all__ = ["NodeIPAMController", "Pool"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Pool:
    """Sub-networks of one range, by number."""

    def __init__(self, cidr: str, prefix: int) -> None:
        """Raises: ValueError when `prefix` does not fit into `cidr`."""
        self.network: Network = ipaddress.ip_network(cidr)
        if not self.network.prefixlen <= prefix <= self.network.max_prefixlen:
            raise ValueError(f"node networks of /{prefix} do not fit into {cidr}")
        self.prefix = prefix
        self.size = 1 << (prefix - self.network.prefixlen)
        self._used: dict[int, str] = {}
        self._next = 0

    def occupy(self, cidr: str, owner: str) -> None:
        """Note that `owner` has this network; one outside the range is ignored."""
        number = self._number(cidr)
        if number is not None:
            self._used.setdefault(number, owner)

    def release(self, cidr: str, owner: str) -> None:
        number = self._number(cidr)
        if number is not None and self._used.get(number) == owner:
            del self._used[number]

    def allocate(self, owner: str) -> str | None:
        """A free network for `owner`; None when there is none."""
        for step in range(self.size):
            number = (self._next + step) % self.size
            if number not in self._used:
                self._used[number] = owner
                self._next = number + 1
                return self._cidr(number)
        return None

    def _cidr(self, number: int) -> str:
        host_bits = self.network.max_prefixlen - self.prefix
        return f"{self.network.network_address + (number << host_bits)}/{self.prefix}"

    def _number(self, cidr: str) -> int | None:
        wanted = ipaddress.ip_network(cidr, strict=False)
        if wanted.version != self.network.version or wanted.network_address not in self.network:
            return None
        host_bits = self.network.max_prefixlen - self.prefix
        return (int(wanted.network_address) - int(self.network.network_address)) >> host_bits


def pools(config: ControllerManagerConfig) -> list[Pool]:
    """One pool for each configured range. Raises: ValueError for a malformed range."""
    return [
        Pool(cidr, config.node_mask_v6 if ":" in cidr else config.node_mask_v4)
        for cidr in config.cluster_cidrs
    ]


def cidrs_of(node: Object) -> list[str]:
    spec = node.get("spec") or {}
    return list(spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else []))


class NodeIPAMController(Controller):
    name = "node-ipam-controller"
    source = "cidrAllocator"
    workers = 1  # allocation is one decision after the other

    def setup(self) -> None:
        self.pools = pools(self.config)
        self.nodes = self.informer(kinds.NODES)
        self.nodes.add_handler(self._changed)

    def _changed(self, old: Object | None, new: Object | None) -> None:
        if new is not None:
            for cidr in cidrs_of(new):
                for pool in self.pools:
                    pool.occupy(cidr, meta.name(new))
            if not cidrs_of(new):
                self.queue.add(meta.name(new))
        elif old is not None:
            for cidr in cidrs_of(old):
                for pool in self.pools:
                    pool.release(cidr, meta.name(old))

    async def reconcile(self, key: str) -> float | None:
        """Give one node its pod networks when it has none."""
        node = self.nodes.get(key)
        if node is None or cidrs_of(node) or not self.pools:
            return None
        given = [pool.allocate(key) for pool in self.pools]
        cidrs = [cidr for cidr in given if cidr is not None]
        try:
            if len(cidrs) < len(self.pools):
                self.recorder.event(
                    node, "Normal", "CIDRNotAvailable", f"Node {key} status is now: CIDRNotAvailable"
                )
                return 30.0
            patch = {"spec": {"podCIDR": cidrs[0], "podCIDRs": cidrs}, "metadata": {"uid": meta.uid(node)}}
            self.writes.wrote(key, self.nodes, await self.client.patch(kinds.NODES, key, patch))
            cidrs.clear()
        finally:
            for cidr in cidrs:  # not given after all
                for pool in self.pools:
                    pool.release(cidr, key)
        return None
