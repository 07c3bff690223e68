"""Deciding what a cluster will be: the one that exists, with what was asked for added, or a new one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from steersman.bootstrap.errors import BootstrapError
from steersman.bootstrap.local import addresses, etcd
from steersman.bootstrap.local.cluster import (
    STATE_ROOT,
    Cluster,
    clusters,
    load,
    registered_dir,
    validate_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked `up` for; None: whatever it is, or the default."""

    name: str
    nodes: int | None = None
    data_dir: Path | None = None
    store: str | None = None
    port: int | None = None


def observe_cluster(wish: Wish) -> Cluster:
    """Decide on the cluster `up` is to bring about. Nothing is changed. Raises: BootstrapError."""
    validate_name(wish.name)
    if wish.nodes is not None and not 1 <= wish.nodes <= 200:
        raise BootstrapError(f"{wish.nodes} nodes are not possible", "--nodes takes 1 to 200")
    if wish.port is not None and not 1 <= wish.port <= 65535:
        raise BootstrapError(f"{wish.port} is no port", "--port takes 1 to 65535")
    registered = registered_dir(wish.name)
    data_dir = (wish.data_dir or registered or STATE_ROOT / wish.name).absolute()
    others = [cluster for cluster in clusters() if cluster.name != wish.name]
    present = load(data_dir)
    refuse_conflicts(wish, data_dir, registered, present)
    if present is not None:
        return etcd.with_ports(plan_present(wish, present), others)
    devices = [cluster.bridge for cluster in others]
    routed = addresses.routed_networks(devices)
    return etcd.with_ports(plan_new(wish, data_dir, others, routed, addresses.uplink_mtu()), others)


def refuse_conflicts(wish: Wish, data_dir: Path, registered: Path | None, present: Cluster | None) -> None:
    """A name belongs to one data directory and the other way round. Raises: BootstrapError."""
    if present is not None and present.name != wish.name:
        hint = f"use --name {present.name}, or another --data-dir"
        raise BootstrapError(f"{data_dir} holds the cluster {present.name}", hint)
    if registered is not None and registered != data_dir and load(registered) is not None:
        hint = f"leave --data-dir out, choose another --name, or first: steersman down --name {wish.name}"
        raise BootstrapError(f"the cluster {wish.name} lives in {registered}", hint)


def plan_present(wish: Wish, present: Cluster) -> Cluster:
    """The cluster that is there, grown when asked. Raises: BootstrapError for what cannot be changed."""
    for what, wanted, is_now in (("store", wish.store, present.store), ("port", wish.port, present.port)):
        if wanted is not None and wanted != is_now:
            hint = f"another --name, or begin anew (this deletes it): steersman down --name {present.name}"
            told = f"the {what} of cluster {present.name} is {is_now} and cannot become {wanted}"
            raise BootstrapError(told, hint)
    return present.with_nodes(wish.nodes or 1)


def plan_new(
    wish: Wish, data_dir: Path, others: Sequence[Cluster], routed: Sequence[IPv4Network], mtu: int
) -> Cluster:
    """A new cluster on networks and a port that nobody has. Raises: BootstrapError."""
    taken = [*routed, IPv4Network(addresses.SERVICE_NETWORK)]
    taken += [IPv4Network(network) for other in others for network in (other.network, other.pod_cidr)]
    ports = {port for other in others for port in (other.port, other.etcd_port, other.etcd_peer_port)}
    port = next(p for p in range(addresses.FIRST_PORT, 65536) if p not in ports)
    cluster = Cluster(
        name=wish.name,
        data_dir=data_dir,
        port=wish.port or port,
        store=wish.store or "sqlite",
        network=addresses.first_free(addresses.NODE_NETWORKS, taken, "node"),
        pod_cidr=addresses.first_free(addresses.POD_NETWORKS, taken, "pod"),
        mtu=mtu,
    )
    return replace(cluster, nodes=()).with_nodes(wish.nodes or 1)
