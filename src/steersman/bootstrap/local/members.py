"""Changing the nodes of a cluster that runs: stop, start, add, remove."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from steersman.api.errors import NotFound
from steersman.api.kinds import NODES
from steersman.bootstrap import pki
from steersman.bootstrap.errors import BootstrapError
from steersman.bootstrap.local import api, cluster, host, images, node
from steersman.bootstrap.local.commands import ip_json, run
from steersman.bootstrap.local.logs import where_to_look

if TYPE_CHECKING:
    from steersman.bootstrap.local.cluster import Cluster


def require_running(name: str) -> Cluster:
    """Find a cluster that runs. Raises: BootstrapError."""
    found = cluster.find(name)
    if not found.control.is_running():
        raise BootstrapError(f"cluster {name} does not run", f"steersman up --name {name}")
    return found


def stop(name: str, member: str) -> None:
    """Cut a node's power; its Node object stays, and goes NotReady after the grace period."""
    with cluster.cluster_lock(name):
        found = require_running(name)
        node.stop_node(found, found.node(member))
        replace(found, stopped=found.stopped | {member}).save()


async def start(name: str, member: str, seconds: float) -> None:
    """Switch a node on again and wait until it is Ready. Raises: BootstrapError."""
    with cluster.cluster_lock(name):
        found = require_running(name)
        found.node(member)
        found = replace(found, stopped=found.stopped - {member})
        found.save()
        await bring_up(found, member, seconds)


async def add(name: str, member: str, seconds: float) -> str:
    """Add a node (with the next free name when none is given) and wait until it is Ready; its name.

    Raises: BootstrapError.
    """
    if member:
        cluster.validate_name(member)
    with cluster.cluster_lock(name):
        found = require_running(name).with_node(member)
        found.save()
        added = found.nodes[-1]
        node.prepare_files(found, added, pki.ensure_pki(found.data_dir, (found.host_address,)))
        await bring_up(found, added.name, seconds)
        return added.name


async def remove(name: str, member: str) -> None:
    """Take a node away with everything on it, and its Node object. Raises: BootstrapError."""
    with cluster.cluster_lock(name):
        found = require_running(name)
        leaving = found.node(member)
        node.stop_node(found, leaving)
        for part in ("agent", "containerd", "init"):
            found.control.remove(f"{member}/{part}")
        for route in ip_json("-4", "route", "show", "via", leaving.address):
            run(["ip", "route", "del", str(route["dst"]), "via", leaving.address])
        host.remove_cgroups(f"{found.cgroup}/{member}", seconds=10.0)
        rest = tuple(other for other in found.nodes if other.name != member)
        replace(found, nodes=rest, stopped=found.stopped - {member}).save()
        shutil.rmtree(found.node_dir(member), ignore_errors=True)
        async with api.connect(found) as client:
            try:
                await client.delete(NODES, member)
            except NotFound:
                return


async def bring_up(found: Cluster, member: str, seconds: float) -> None:
    """Start a node's processes, give it its images, wait for it, route to its pods."""
    chosen = found.node(member)
    node.start_node(found, chosen)
    images.ensure_images(found, chosen)
    async with api.connect(found) as client:
        log = found.log(f"{member}/agent")
        await api.wait_nodes_ready(client, [member], seconds, lambda: where_to_look(log))
        for argv in host.plan_routes(found, await api.pod_cidrs(client)):
            run(argv)
