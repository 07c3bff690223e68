"""Settings of the service proxy."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ProxyConfig"]


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    node_name: str
    """Endpoints on this node are local ones."""
    cluster_cidr: str = "10.244.0.0/16"
    """Pod addresses, comma-separated; traffic to a ClusterIP from anywhere else is masqueraded. Empty: none
    is."""
    excluded_addresses: tuple[str, ...] = ("10.96.0.10",)
    """Service addresses that are left alone: the node's own DNS server answers there."""
    health_bind: str = "0.0.0.0"
    health_port: int = 0
    """Port of /healthz and /livez (10256 is customary); 0 serves none."""
    coalesce: float = 0.02
    """Seconds to wait for further changes before the rules are written."""
    check_period: float = 30.0
    """Seconds between looks whether the table is still there."""
