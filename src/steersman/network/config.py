"""Settings of the node's network."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NetworkConfig"]


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    node_name: str
    """The Node object whose `spec.podCIDR` this machine's pods live in."""
    cni_conf_dir: str = "/etc/cni/net.d"
    """Where the container runtime looks for its CNI configuration; the file written is
    `10-steersman.conflist`."""
    cni_state_dir: str = "/var/lib/cni/networks"
    """Where host-local remembers the addresses it gave out; one directory a node, also when nodes share a
    disk."""
    cluster_cidr: str = "10.244.0.0/16"
    """Every pod address of the cluster, one CIDR a family, comma-separated: never behind NAT for pods and
    nodes."""
    service_cidr: str = "10.96.0.0/12"
    """Every ClusterIP."""
    dns_address: str = "10.96.0.10"
    """The cluster DNS address; lives on the node's loopback link so that the node's own DNS server can bind
    it. Empty: none."""
    bridge: str = "cni0"
    """The bridge that joins this node's pods."""
    mtu: int = 0
    """Bytes a packet of a pod may have; 0: as many as the link that carries the node's address takes."""
    backend: str = "host-gw"
    """How other nodes' pods are reached; a name of `network.backends.BACKENDS`."""
