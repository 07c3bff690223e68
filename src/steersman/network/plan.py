"""From the Node objects to everything the network of one node should be: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.network.cni import plan_conflist
from steersman.network.masquerade import plan_masquerade

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object
    from steersman.network.config import NetworkConfig

__all__ = ["NetworkPlan", "Peer", "plan_network"]


@dataclass(frozen=True, slots=True, order=True)
class Peer:
    """Another node, as far as routing to its pods goes."""

    name: str
    address: str
    pod_cidrs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    conflist: bytes
    masquerade: str
    pod_cidrs: tuple[str, ...]
    address: str
    """This node's own address; empty while the kubelet has not reported it."""
    peers: tuple[Peer, ...]


def plan_network(config: NetworkConfig, nodes: Iterable[Object], mtu: int = 0) -> NetworkPlan | None:
    """What this node needs, or None while its own Node object has no pod CIDR.

    `mtu` is that of the link which carries the node's address, in bytes; 0 when it is not known.
    """
    own: tuple[str, ...] = ()
    address = ""
    peers: list[Peer] = []
    node_addresses: set[str] = set()
    for node in nodes:
        cidrs, addresses = pod_cidrs(node), internal_addresses(node)
        node_addresses.update(addresses)
        if node["metadata"]["name"] == config.node_name:
            own, address = cidrs, addresses[0] if addresses else ""
        elif cidrs and addresses:
            peers.append(Peer(node["metadata"]["name"], addresses[0], cidrs))
    if not own:
        return None
    clusters = [cidr.strip() for cidr in config.cluster_cidr.split(",") if cidr.strip()]
    inside = (*clusters, *own, *node_addresses)
    return NetworkPlan(
        conflist=plan_conflist(config, own, config.mtu or mtu),
        masquerade=plan_masquerade(own, inside),
        pod_cidrs=own,
        address=address,
        peers=tuple(sorted(peers)),
    )


def pod_cidrs(node: Object) -> tuple[str, ...]:
    spec = node.get("spec") or {}
    return tuple(spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else []))


def internal_addresses(node: Object) -> tuple[str, ...]:
    addresses = (node.get("status") or {}).get("addresses") or ()
    return tuple(a["address"] for a in addresses if a.get("type") == "InternalIP")
