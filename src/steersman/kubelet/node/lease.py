"""The node's Lease in kube-node-lease, renewed as its heartbeat."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steersman.api.errors import AlreadyExists, ApiError, Conflict, NotFound
from steersman.api.kinds import LEASES
from steersman.api.times import rfc3339_micro
from steersman.client.transport import ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.types import Object
    from steersman.client.rest import Client
    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.kubelet.node")

NAMESPACE = "kube-node-lease"
RETRY_SECONDS = 0.5


async def renew_forever(
    client: Client, clock: Clock, node: str, seconds: int, node_object: Callable[[], Object | None]
) -> None:
    """Keep the Lease fresh until cancelled; `node_object` gives the Node once it is registered."""
    lease: Object | None = None
    failing = False
    while True:
        try:
            lease = await _renew(client, clock, node, seconds, lease, node_object())
            failing = False
            await clock.sleep(seconds / 4)
        except (Conflict, NotFound, AlreadyExists):
            lease = None
            await clock.sleep(RETRY_SECONDS)
        except (ApiError, ConnectionFailed) as error:
            log.log(logging.DEBUG if failing else logging.WARNING, "cannot renew the lease: %s", error)
            failing = True
            await clock.sleep(min(seconds / 8, 2.0))


async def _renew(
    client: Client, clock: Clock, node: str, seconds: int, lease: Object | None, owner: Object | None
) -> Object:
    if lease is None:
        try:
            lease = await client.get(LEASES, node, NAMESPACE)
        except NotFound:
            return await client.create(LEASES, new_lease(node, seconds, clock.time(), owner), NAMESPACE)
    fresh = new_lease(node, seconds, clock.time(), owner)
    meta = dict(lease["metadata"])
    if not meta.get("ownerReferences") and "ownerReferences" in fresh["metadata"]:
        meta["ownerReferences"] = fresh["metadata"]["ownerReferences"]
    return await client.update(
        LEASES, {**lease, "metadata": meta, "spec": {**lease["spec"], **fresh["spec"]}}
    )


def new_lease(node: str, seconds: int, now: float, owner: Object | None) -> Object:
    meta: Object = {"name": node, "namespace": NAMESPACE}
    if owner is not None:
        reference = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": owner["metadata"]["uid"]}
        meta["ownerReferences"] = [reference]
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": meta,
        "spec": {"holderIdentity": node, "leaseDurationSeconds": seconds, "renewTime": rfc3339_micro(now)},
    }
