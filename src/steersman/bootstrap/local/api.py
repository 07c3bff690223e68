"""What bringing a cluster up asks its API server: is it ready, are the nodes, where are their pods."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from steersman.api.errors import AlreadyExists, ApiError, NotFound
from steersman.api.kinds import NODES
from steersman.bootstrap.errors import BootstrapError
from steersman.client.rest import Client
from steersman.client.transport import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.bootstrap.local.cluster import Cluster

POLL_SECONDS = 0.1
"""Between two looks while something is awaited; `up` lasts seconds, so this costs nothing that lasts."""


def connect(cluster: Cluster) -> Client:
    """A client with the admin's identity."""
    return Client.from_kubeconfig(str(cluster.kubeconfig), user_agent="steersman-up")


async def wait_until(
    condition: Callable[[], Awaitable[str]], seconds: float, what: str, hint: Callable[[], str]
) -> None:
    """Wait until `condition` gives "" (nothing in the way). Raises: BootstrapError with what last was.

    `hint` is asked only then.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            obstacle = await condition()
        except (ConnectionFailed, ApiError) as error:
            obstacle = str(error)
        if not obstacle:
            return
        if time.monotonic() > deadline:
            raise BootstrapError(f"{what} after {seconds:g} s: {obstacle}", hint())
        await asyncio.sleep(POLL_SECONDS)


async def wait_ready(client: Client, seconds: float, hint: Callable[[], str]) -> None:
    """Wait for the API server's /readyz. Raises: BootstrapError."""

    async def obstacle() -> str:
        response = await client.request("GET", "/readyz")
        return "" if response.status == 200 else f"/readyz gives {response.status}"

    await wait_until(obstacle, seconds, "the API server is not ready", hint)


async def wait_nodes_ready(
    client: Client, names: Sequence[str], seconds: float, hint: Callable[[], str]
) -> None:
    """Wait until these nodes are Ready and may take pods. Raises: BootstrapError."""

    async def obstacle() -> str:
        listed = await client.list(NODES)
        nodes = {node["metadata"]["name"]: node for node in listed["items"]}
        return "; ".join(trouble for name in names if (trouble := unready(name, nodes.get(name))))

    await wait_until(obstacle, seconds, "not all nodes are ready", hint)


def unready(name: str, node: Object | None) -> str:
    """Why a node cannot take pods yet; "" when it can."""
    if node is None:
        return f"{name} has not registered"
    conditions = {c["type"]: c for c in (node.get("status") or {}).get("conditions") or ()}
    ready = conditions.get("Ready")
    if ready is None or ready["status"] != "True":
        return f"{name}: {(ready or {}).get('message') or 'no Ready condition yet'}"
    taints = [t["key"] for t in (node.get("spec") or {}).get("taints") or () if t["key"].startswith(TAINTS)]
    return f"{name} has the taint {taints[0]}" if taints else ""


TAINTS = "node.kubernetes.io/not-ready"
"""Goes when the node life-cycle controller has seen the node Ready."""


async def pod_cidrs(client: Client) -> dict[str, str]:
    """Node name to the CIDR of its pods; nodes that have none yet are left out."""
    nodes = (await client.list(NODES))["items"]
    found = {node["metadata"]["name"]: (node.get("spec") or {}).get("podCIDR", "") for node in nodes}
    return {name: cidr for name, cidr in found.items() if cidr}


async def ensure(client: Client, resource: Resource, wanted: Object) -> bool:
    """Create an object unless one of its name is there; whether it was created."""
    name, namespace = wanted["metadata"]["name"], wanted["metadata"].get("namespace")
    try:
        await client.get(resource, name, namespace)
    except NotFound:
        try:
            await client.create(resource, wanted, namespace)
        except AlreadyExists:
            return False
        return True
    return False
