"""NodeRestriction: a node writes about itself and its own pods, nothing else.

Source: the documented rules of the NodeRestriction admission plug-in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.api.kinds import CSI_NODES, LEASES, NODES, PODS, SERVICE_ACCOUNTS
from steersman.apiserver.admission.plugin import AdmissionPlugin, forbidden, object_name
from steersman.apiserver.admission.serviceaccount import MIRROR_ANNOTATION

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation
    from steersman.apiserver.authn import User

NODES_GROUP = "system:nodes"
NODE_PREFIX = "system:node:"
LEASE_NAMESPACE = "kube-node-lease"
RESTRICTED_PREFIX = "node-restriction.kubernetes.io/"


def node_of(user: User) -> str | None:
    """The node a user is; "" for a member of system:nodes that names none, None for everybody else."""
    if NODES_GROUP not in user.groups:
        return None
    return user.name.removeprefix(NODE_PREFIX) if user.name.startswith(NODE_PREFIX) else ""


class NodeRestriction(AdmissionPlugin):
    name = "NodeRestriction"
    resources = (NODES, PODS, LEASES, CSI_NODES, SERVICE_ACCOUNTS)
    operations: tuple[Operation, ...] = ("CREATE", "UPDATE", "DELETE")
    subresources = ("", "status", "eviction", "token", "binding", "resize", "ephemeralcontainers")

    async def validate(self, attributes: Attributes) -> None:
        node = node_of(attributes.user)
        if node is None:
            return
        if not node:
            raise forbidden(
                attributes, f'could not determine node identity from user "{attributes.user.name}"'
            )
        why = await self._refusal(attributes, node)
        if why:
            raise forbidden(attributes, why)

    async def _refusal(self, attributes: Attributes, node: str) -> str:
        resource = attributes.resource
        if resource == PODS:
            return await self._pod_refusal(attributes, node)
        if resource == NODES:
            return _node_refusal(attributes, node)
        if resource in (LEASES, CSI_NODES):
            return _own_object_refusal(attributes, node)
        return ""

    async def _pod_refusal(self, attributes: Attributes, node: str) -> str:
        pod = attributes.old if attributes.old is not None else attributes.obj
        if attributes.subresource == "eviction":
            pod = await self.find(PODS, attributes.name, attributes.namespace)
        if pod is None:
            return ""
        on_node = (pod.get("spec") or {}).get("nodeName", "")
        if attributes.operation == "CREATE" and not attributes.subresource:
            return _mirror_refusal(pod, node)
        if on_node != node:
            verb = {"UPDATE": "update status for", "DELETE": "delete"}.get(attributes.operation, "evict")
            return f'node "{node}" can only {verb} pods with spec.nodeName set to itself'
        if attributes.operation == "UPDATE" and attributes.subresource != "status":
            return f'node "{node}" can only update status of its pods'
        return ""


def _mirror_refusal(pod: Object, node: str) -> str:
    if MIRROR_ANNOTATION not in meta.annotations(pod):
        return (
            f'pod does not have "{MIRROR_ANNOTATION}" annotation, node "{node}" can only create mirror pods'
        )
    if (pod.get("spec") or {}).get("nodeName", "") != node:
        return f'node "{node}" can only create pods with spec.nodeName set to itself'
    return ""


def _node_refusal(attributes: Attributes, node: str) -> str:
    name = object_name(attributes)
    if name != node:
        return f'node "{node}" is not allowed to modify node "{name}"'
    if attributes.operation == "DELETE":
        return f'node "{node}" is not allowed to delete itself'
    if attributes.operation == "UPDATE":
        old, new = attributes.old or {}, attributes.obj or {}
        if not attributes.subresource and _taints(old) != _taints(new):
            return f'node "{node}" is not allowed to modify taints'
        changed = _restricted(old) ^ _restricted(new)
        if changed:
            labels = ", ".join(sorted({key for key, _ in changed}))
            return f"is not allowed to modify labels: {labels}"
    return ""


def _taints(node: Object) -> list[Object]:
    return (node.get("spec") or {}).get("taints") or []


def _restricted(node: Object) -> set[tuple[str, str]]:
    return {(key, value) for key, value in meta.labels(node).items() if RESTRICTED_PREFIX in key}


def _own_object_refusal(attributes: Attributes, node: str) -> str:
    name = object_name(attributes)
    if attributes.resource == LEASES and attributes.namespace != LEASE_NAMESPACE:
        return f'can only access leases in the "{LEASE_NAMESPACE}" system namespace'
    if name != node:
        return f"can only access {attributes.resource.kind.lower()} with the same name as the requesting node"
    return ""
