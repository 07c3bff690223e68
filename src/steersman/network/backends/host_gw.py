"""Routes to other nodes' pods by way of the node itself: for nodes that share one link-layer network.

The routes carry a protocol number of their own, which is how stale ones are told from everybody else's.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, ClassVar

from steersman.network.links import ip, ip_json
from steersman.runtime.command import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.network.plan import Peer

__all__ = ["ROUTE_PROTOCOL", "HostGateway", "Route", "plan_changes", "plan_routes"]

ROUTE_PROTOCOL = "83"
"""rtm_protocol of our routes; numbers above 4 are free for routing daemons."""


@dataclass(frozen=True, slots=True, order=True)
class Route:
    destination: str
    gateway: str


def plan_routes(peers: Iterable[Peer]) -> frozenset[Route]:
    """One route per pod CIDR whose family the peer's address has."""
    return frozenset(
        Route(cidr, peer.address)
        for peer in peers
        for cidr in peer.pod_cidrs
        if ip_network(cidr).version == ip_network(peer.address).version
    )


def plan_changes(present: frozenset[Route], wanted: frozenset[Route]) -> list[tuple[str, Route]]:
    """(verb, route) in the order to apply: stale destinations go first, a changed gateway is one
    `replace`."""
    kept = {route.destination for route in wanted}
    stale = [("del", route) for route in sorted(present) if route.destination not in kept]
    return stale + [("replace", route) for route in sorted(wanted - present)]


class HostGateway:
    name: ClassVar[str] = "host-gw"

    async def apply(self, peers: tuple[Peer, ...]) -> list[str]:
        troubles = []
        for verb, route in plan_changes(await present_routes(), plan_routes(peers)):
            try:
                await change(verb, route)
            except CommandFailed as error:
                troubles.append(f"no route to {route.destination} by {route.gateway}: {error.stderr}")
        return troubles

    async def cleanup(self) -> None:
        for route in sorted(await present_routes()):
            await change("del", route)


async def change(verb: str, route: Route) -> None:
    family = f"-{ip_network(route.destination).version}"
    await ip(family, "route", verb, route.destination, "via", route.gateway, "proto", ROUTE_PROTOCOL)


async def present_routes() -> frozenset[Route]:
    found = [r for f in ("-4", "-6") for r in await ip_json(f, "route", "show", "proto", ROUTE_PROTOCOL)]
    return frozenset(Route(r["dst"], r["gateway"]) for r in found if "gateway" in r)
