"""The loop that keeps one node's network as planned: observe Nodes, plan, apply what changed, say so in the
Node's status."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api import times
from steersman.api.errors import ApiError
from steersman.api.kinds import NODES
from steersman.client.rest import STRATEGIC_PATCH
from steersman.client.transport import ConnectionFailed
from steersman.network import cni, links, masquerade
from steersman.network.backends import BACKENDS, Backend
from steersman.network.plan import NetworkPlan, internal_addresses, plan_network
from steersman.network.sysctls import SYSCTLS_IPV6, ensure_sysctls
from steersman.runtime.command import CommandFailed, run_command

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.events import EventRecorder
    from steersman.client.informer import Informer, Informers
    from steersman.client.rest import Client
    from steersman.network.config import NetworkConfig
    from steersman.runtime.clock import Clock

__all__ = ["cleanup", "run"]

log = logging.getLogger("steersman.network")

RETRY_SECONDS = 5.0
"""Until the next attempt after a failed effect."""


async def run(
    config: NetworkConfig, client: Client, informers: Informers, recorder: EventRecorder, clock: Clock
) -> None:
    """Keep this node's network until cancelled; what is set up stays, so that pods live through a restart."""
    await prepare(config)
    nodes = informers.informer(NODES)
    changed = asyncio.Event()

    def wake(old: Object | None, new: Object | None) -> None:
        changed.set()

    nodes.add_handler(wake)
    try:
        await nodes.wait_synced()
        await keep(config, client, nodes, changed, clock)
    finally:
        nodes.remove_handler(wake)


async def keep(
    config: NetworkConfig, client: Client, nodes: Informer, changed: asyncio.Event, clock: Clock
) -> None:
    """Plan and apply whenever `changed` is set; a failed effect is tried again."""
    state = Applied(config, make_backend(config.backend))
    while True:
        await changed.wait()
        changed.clear()
        try:
            plan = plan_network(config, nodes.list(), await observe_mtu(nodes.get(config.node_name)))
            if plan is None:
                log.info("node %s has no pod CIDR yet", config.node_name)
                continue
            await state.apply(plan)
            await report_available(client, nodes.get(config.node_name), clock.time())
        except (CommandFailed, OSError, ApiError, ConnectionFailed) as error:
            log.error("cannot set up the network, next attempt in %g s: %s", RETRY_SECONDS, error)
            await clock.sleep(RETRY_SECONDS)
            changed.set()


async def observe_mtu(node: Object | None) -> int:
    """Raises: CommandFailed."""
    addresses = internal_addresses(node or {})
    return await links.mtu_of(addresses[0]) if addresses else 0


async def prepare(config: NetworkConfig) -> None:
    """What needs no Node object: switches and the DNS address.

    Raises: OSError, CommandFailed: without these no pod could work, so the agent does not start.
    """
    ensure_sysctls()
    if config.dns_address:
        await links.ensure_loopback_address(config.dns_address)


def make_backend(name: str) -> Backend:
    """Raises: ValueError for a name that is not in `BACKENDS`."""
    for backend in BACKENDS:
        if backend.name == name:
            return backend()
    raise ValueError(f"unknown network back-end {name!r}: one of {', '.join(b.name for b in BACKENDS)}")


@dataclass(slots=True)
class Applied:
    """What is in effect, so that only differences cost a process."""

    config: NetworkConfig
    backend: Backend
    plan: NetworkPlan | None = None

    async def apply(self, plan: NetworkPlan) -> None:
        """Make `plan` true. Idempotent; after an error everything is applied again.

        Raises: CommandFailed, OSError.
        """
        old, self.plan = self.plan, None
        if any(":" in cidr for cidr in plan.pod_cidrs):
            ensure_sysctls(sysctls=SYSCTLS_IPV6)
        if old is None or old.masquerade != plan.masquerade:
            await run_command(("nft", "-f", "-"), plan.masquerade.encode())
        if old is None or old.address != plan.address:
            await links.ensure_service_route(self.config.service_cidr, self.config.bridge, plan.address)
        if old is None or old.peers != plan.peers:
            for trouble in await self.backend.apply(plan.peers):
                log.error("%s", trouble)
        if cni.ensure_conflist(self.config.cni_conf_dir, plan.conflist):
            log.info("wrote the CNI configuration in %s", self.config.cni_conf_dir)
        self.plan = plan


async def report_available(client: Client, node: Object | None, now: float) -> None:
    """Set the Node's NetworkUnavailable condition to False, once. Raises: ApiError, ConnectionFailed."""
    if node is None:
        return
    conditions = (node.get("status") or {}).get("conditions") or ()
    if any(c["type"] == "NetworkUnavailable" and c["status"] == "False" for c in conditions):
        return
    stamp = times.rfc3339(now)
    condition = {
        "type": "NetworkUnavailable",
        "status": "False",
        "reason": "RouteCreated",
        "message": "Pod network configured by Steersman",
        "lastHeartbeatTime": stamp,
        "lastTransitionTime": stamp,
    }
    patch = {"status": {"conditions": [condition]}}
    name = node["metadata"]["name"]
    await client.patch(NODES, name, patch, content_type=STRATEGIC_PATCH, subresource="status")


async def cleanup(config: NetworkConfig) -> None:
    """Remove everything `run` and the CNI bridge left in this network namespace, and the CNI
    configuration."""
    cni.remove_conflist(config.cni_conf_dir)
    await run_command(("nft", "-f", "-"), masquerade.plan_removal().encode())
    await make_backend(config.backend).cleanup()
    if config.dns_address:
        await links.remove_loopback_address(config.dns_address)
    try:
        await links.ip("link", "del", config.bridge)
    except CommandFailed as error:
        log.debug("the bridge was not there: %s", error)
