"""Networks and ports that nothing on this machine uses yet. Pure, apart from the observers at the end."""

from __future__ import annotations

import socket
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from steersman.bootstrap.errors import BootstrapError
from steersman.bootstrap.local.commands import ip_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NODE_NETWORKS = tuple(f"10.89.{i}.0/24" for i in range(256))
"""Where bridges of local clusters are tried, in order."""
POD_NETWORKS = tuple(f"10.{i}.0.0/16" for i in range(244, 255))
SERVICE_NETWORK = "10.96.0.0/12"
"""Lives inside nodes only, so that it never meets the host's routes."""
FIRST_PORT = 6443


def first_free(candidates: Iterable[str], taken: Sequence[IPv4Network], what: str) -> str:
    """The first candidate that overlaps nothing taken. Raises: BootstrapError when all do."""
    for candidate in candidates:
        if not any(IPv4Network(candidate).overlaps(network) for network in taken):
            return candidate
    raise BootstrapError(f"no free {what} network on this machine", "`ip route` shows what is taken")


def clashes(network: str, taken: Sequence[IPv4Network]) -> list[IPv4Network]:
    """What of `taken` a network overlaps."""
    return [other for other in taken if IPv4Network(network).overlaps(other)]


def routed_networks(except_devices: Sequence[str] = ()) -> list[IPv4Network]:
    """Every IPv4 network the host has a route to, except by default and through the given devices."""
    found = []
    for route in ip_json("-4", "route", "show", "table", "all"):
        destination = str(route.get("dst", "default"))
        if destination == "default" or route.get("dev") in except_devices:
            continue
        try:
            network = IPv4Network(destination, strict=False)
        except ValueError:
            continue
        if network.prefixlen and not network.is_loopback and not network.is_multicast:
            found.append(network)
    return found


def uplink_mtu() -> int:
    """MTU of the device the default route leaves by, bytes; 1500 without a default route."""
    for route in ip_json("-4", "route", "show", "default"):
        for link in ip_json("link", "show", "dev", str(route["dev"])):
            return int(link["mtu"])
    return 1500


def port_is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
