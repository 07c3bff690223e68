"""Addresses and networks as text: what the API accepts, and which family they are.

Addresses with leading zeros and IPv4-mapped IPv6 addresses are refused for new objects, because programs read
them differently.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Literal

Family = Literal["IPv4", "IPv6"]


@lru_cache(maxsize=4096)
def family_of(address: str) -> Family | None:
    """Return the family of an address, or None when `address` is none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if "%" in address:
        return None
    return "IPv4" if parsed.version == 4 else "IPv6"


def network_family(cidr: str) -> Family | None:
    """Return the family of `address/prefix`, or None when `cidr` is none (host bits may be set)."""
    if "/" not in cidr:
        return None
    try:
        parsed = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return None
    return "IPv4" if parsed.version == 4 else "IPv6"


def is_ip(address: str) -> list[str]:
    if family_of(address) is None:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return []


def is_cidr(cidr: str) -> list[str]:
    if network_family(cidr) is None:
        return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]
    return []


def contains(cidr: str, network: str) -> bool:
    """Tell whether `network` lies strictly inside or equals `cidr` (both valid, one family)."""
    outer = ipaddress.ip_network(cidr, strict=False)
    inner = ipaddress.ip_network(network, strict=False)
    if isinstance(outer, ipaddress.IPv4Network) and isinstance(inner, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, ipaddress.IPv6Network) and isinstance(inner, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False
