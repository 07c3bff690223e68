"""Addresses and routes of the caller's network namespace, by the `ip` tool (a netlink library costs 20 MiB
resident)."""

from __future__ import annotations

import logging
from ipaddress import ip_address
from typing import Any

import orjson

from steersman.runtime.command import CommandFailed, run_command

__all__ = [
    "ensure_loopback_address",
    "ensure_service_route",
    "ip",
    "ip_json",
    "mtu_of",
    "remove_loopback_address",
]

log = logging.getLogger("steersman.network.links")


async def ip(*args: str) -> str:
    """Raises: CommandFailed."""
    return await run_command(("ip", *args))


async def ip_json(*args: str) -> list[dict[str, Any]]:
    """`ip -json ...`, parsed. Raises: CommandFailed."""
    answer: list[dict[str, Any]] = orjson.loads((await ip("-json", *args)).strip() or "[]")
    return answer


def host_prefix(address: str) -> str:
    return f"{address}/{ip_address(address).max_prefixlen}"


async def ensure_loopback_address(address: str) -> None:
    """Make `address` one of this machine's own, so that a server may bind it and every pod reaches it by its
    gateway."""
    await ip("address", "replace", host_prefix(address), "dev", "lo")
    await ip("link", "set", "lo", "up")


async def remove_loopback_address(address: str) -> None:
    try:
        await ip("address", "del", host_prefix(address), "dev", "lo")
    except CommandFailed as error:
        log.debug("the address was not there: %s", error)


async def mtu_of(address: str) -> int:
    """Bytes a packet may have on the link that carries `address`; 0 when no link does."""
    for link in await ip_json("address", "show", "up"):
        if any(a.get("local") == address for a in link.get("addr_info") or ()):
            return int(link["mtu"])
    return 0


async def ensure_service_route(service_cidr: str, bridge: str, source: str) -> None:
    """Give packets to ClusterIPs a way out where there is no default route.

    A packet is translated after the first look at the routes; with no route at all it would never get that
    far. `bridge` need not exist yet: then the loopback link takes its part.
    """
    family = f"-{ip_address(service_cidr.split('/')[0]).version}"
    if await ip_json(family, "route", "show", "default"):
        return
    links = {link["ifname"] for link in await ip_json("link", "show")}
    link = bridge if bridge in links else "lo"
    source_args = ("src", source) if source else ()
    await ip(family, "route", "replace", service_cidr, "dev", link, *source_args)
