"""Which rule judges what a node writes. Source: the documented rules of the NodeRestriction plug-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.api.kinds import (
    CERTIFICATE_SIGNING_REQUESTS,
    CSI_NODES,
    LEASES,
    NODES,
    PODS,
    RESOURCE_SLICES,
    SERVICE_ACCOUNTS,
)
from steersman.apiserver.admission.node_restriction.nodes import node_refusal
from steersman.apiserver.admission.node_restriction.pods import change_refusal, creation_refusal
from steersman.apiserver.admission.node_restriction.tokens import token_refusal
from steersman.apiserver.admission.plugin import AdmissionPlugin, forbidden, object_name
from steersman.apiserver.authz.node.identity import NODE_PREFIX, node_of

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation

LEASE_NAMESPACE = "kube-node-lease"
NODE_SIGNERS = ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet")


class NodeRestriction(AdmissionPlugin):
    name = "NodeRestriction"
    resources = (
        NODES,
        PODS,
        LEASES,
        CSI_NODES,
        SERVICE_ACCOUNTS,
        RESOURCE_SLICES,
        CERTIFICATE_SIGNING_REQUESTS,
    )
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
            return node_refusal(attributes, node, object_name(attributes))
        if resource in (LEASES, CSI_NODES):
            return _own_object_refusal(attributes, node)
        if resource == RESOURCE_SLICES:
            return _slice_refusal(attributes, node)
        if resource == CERTIFICATE_SIGNING_REQUESTS:
            return _request_refusal(attributes, node)
        if resource == SERVICE_ACCOUNTS and attributes.subresource == "token":
            return await token_refusal(self.api, attributes, node)
        return ""

    async def _pod_refusal(self, attributes: Attributes, node: str) -> str:
        if attributes.operation == "CREATE" and not attributes.subresource:
            own = await self.find(NODES, node)
            return creation_refusal(attributes.obj or {}, node, meta.uid(own) if own else "")
        pod = attributes.old if attributes.old is not None else attributes.obj
        if attributes.subresource == "eviction":
            pod = await self.find(PODS, attributes.name, attributes.namespace)
        return "" if pod is None else change_refusal(attributes, node, pod)


def _own_object_refusal(attributes: Attributes, node: str) -> str:
    name = object_name(attributes)
    if attributes.resource == LEASES and attributes.namespace != LEASE_NAMESPACE:
        return f'can only access leases in the "{LEASE_NAMESPACE}" system namespace'
    if name != node:
        return f"can only access {attributes.resource.kind.lower()} with the same name as the requesting node"
    return ""


def _slice_refusal(attributes: Attributes, node: str) -> str:
    for obj in (attributes.old, attributes.obj):
        if obj is not None and _node_name(obj) != node:
            return f'can only write resource slices with spec.nodeName "{node}"'
    return ""


def _node_name(obj: Object) -> str:
    return str((obj.get("spec") or {}).get("nodeName") or "")


def _request_refusal(attributes: Attributes, node: str) -> str:
    """A certificate for a node is asked for by that node."""
    from steersman.apiserver.admission.signers import common_name, signer_of

    if attributes.operation != "CREATE" or signer_of(attributes.obj) not in NODE_SIGNERS:
        return ""
    wanted = common_name(str(((attributes.obj or {}).get("spec") or {}).get("request") or ""))
    if wanted is None or wanted == NODE_PREFIX + node:
        return ""  # what is no request, validation refuses
    return f"can only create a node CSR with CN={NODE_PREFIX}{node}"
