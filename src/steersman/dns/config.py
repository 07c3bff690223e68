"""Settings of the DNS server."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["DNSConfig"]


@dataclass(frozen=True, slots=True)
class DNSConfig:
    addresses: tuple[str, ...] = ("10.96.0.10",)
    """Where to listen, UDP and TCP; an address need not be there yet."""
    port: int = 53
    domain: str = "cluster.local"
    """The cluster domain."""
    cidrs: tuple[str, ...] = ("10.96.0.0/12", "10.244.0.0/16")
    """Addresses of Services and pods: reverse look-ups of these are never sent upstream."""
    ttl: int = 30
    """Seconds an answer about the cluster may be kept."""
    cache_seconds: int = 30
    """The longest an upstream answer is kept here."""
    cache_entries: int = 4096
    resolv_conf: str = "/etc/resolv.conf"
    """Where upstream servers are read from when `upstreams` is empty."""
    upstreams: tuple[str, ...] = ()
    """`address` or `address:port` (`[v6]:port`) of the servers that know the rest of the world."""
    stub_domains: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(domain, servers) pairs that are asked instead of the upstreams, the longest domain first."""
    hosts: tuple[tuple[str, str], ...] = field(default=())
    """(name, address) pairs answered as they are."""
    health_bind: str = "127.0.0.1"
    health_port: int = 0
    """Port of /healthz, /readyz (the caches are filled) and /metrics; 0 serves none."""
