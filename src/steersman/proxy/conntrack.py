"""Flows that the kernel would go on sending to where they should no longer go.

TCP notices by itself; a UDP client that keeps sending from one port never does. So flows of a UDP port are
dropped when the endpoint they were sent to has left, and when a port without endpoints got its first (they
were recorded untranslated).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from steersman.runtime.command import CommandFailed, run_command

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from steersman.proxy.services import ServicePort

__all__ = ["Flow", "drop_commands", "drop_flows", "stale_flows"]

log = logging.getLogger("steersman.proxy.conntrack")


class Flow(NamedTuple):
    family: int
    address: str
    """Service address the flow was sent to; empty for a node port."""
    port: int
    endpoint: str
    """Endpoint it was translated to; empty for any."""


def stale_flows(old: Iterable[ServicePort], new: Iterable[ServicePort]) -> frozenset[Flow]:
    """UDP flows that a change of one Service from `old` to `new` has left behind."""
    before, after = set(_flows(old)), set(_flows(new))
    stale = {flow for flow in before - after if flow.endpoint}
    served = {flow[:3] for flow in before if flow.endpoint}
    for flow in after - before:
        if flow.endpoint and flow[:3] not in served:
            stale.add(flow._replace(endpoint=""))
    return frozenset(stale)


def _flows(ports: Iterable[ServicePort]) -> Iterator[Flow]:
    for port in ports:
        if port.protocol != "udp":
            continue
        addresses = [(a, port.port) for a in (port.cluster_ip, *port.external_ips, *port.load_balancer_ips)]
        if port.node_port:
            addresses.append(("", port.node_port))
        for address, number in addresses:
            for endpoint in port.endpoints:
                yield Flow(port.family, address, number, endpoint.address)


def drop_commands(flows: Iterable[Flow]) -> list[list[str]]:
    """The commands that delete these flows from the connection table."""
    commands = []
    for flow in sorted(flows):
        argv = ["conntrack", "-D", "-f", f"ipv{flow.family}", "-p", "udp", "--orig-port-dst", str(flow.port)]
        if flow.address:
            argv += ["--orig-dst", flow.address]
        if flow.endpoint:
            argv += ["--reply-src", flow.endpoint]
        commands.append(argv)
    return commands


async def drop_flows(flows: Iterable[Flow]) -> None:
    """Delete them; that there are none is fine."""
    for argv in drop_commands(flows):
        try:
            await run_command(argv)
        except CommandFailed as error:
            if "0 flow entries" not in error.stderr:
                log.warning("stale UDP flows stay until they time out: %s", error)
