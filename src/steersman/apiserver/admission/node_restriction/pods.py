"""What a node may do to pods. Pure.

A mirror pod shows a static pod and nothing more: one that named secrets would give them to the node that made
it. Source: NodeRestriction as documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.apiserver.admission.serviceaccount import MIRROR_ANNOTATION
from steersman.apiserver.authz.node.references import pod_references

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes

_REFERS = {
    "serviceaccounts": "a service account",
    "secrets": "secrets",
    "configmaps": "configmaps",
    "persistentvolumeclaims": "persistentvolumeclaims",
    "resourceclaims": "resourceclaims",
}


def creation_refusal(pod: Object, node: str, node_uid: str) -> str:
    """Why a node may not create a pod; empty when it may. `node_uid` is empty while it has no Node."""
    if MIRROR_ANNOTATION not in meta.annotations(pod):
        return (
            f'pod does not have "{MIRROR_ANNOTATION}" annotation, node "{node}" can only create mirror pods'
        )
    if on_node(pod) != node:
        return f'node "{node}" can only create pods with spec.nodeName set to itself'
    refused = _owner_refusal(pod, node, node_uid)
    if refused:
        return refused
    plain = {**pod, "metadata": {}}
    refers = {plural for plural, _ in pod_references(plain)}
    for plural, words in _REFERS.items():
        if plural in refers:
            return f'node "{node}" can not create pods that reference {words}'
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if source.get("clusterTrustBundle") or source.get("serviceAccountToken"):
                return f'node "{node}" can not create pods that project tokens or cluster trust bundles'
    return ""


def _owner_refusal(pod: Object, node: str, node_uid: str) -> str:
    """A mirror pod may have one owner: the node."""
    for number, owner in enumerate(pod["metadata"].get("ownerReferences") or ()):
        right = owner.get("apiVersion") == "v1" and owner.get("kind") == "Node" and owner.get("name") == node
        if number or not right:
            return f'node "{node}" can only create pods with an owner reference set to itself'
        if not node_uid or owner.get("uid") != node_uid:
            return f'node "{node}" can only create pods with an owner reference that has its own UID'
        if not owner.get("controller"):
            return f'node "{node}" can only create pods that it controls'
        if owner.get("blockOwnerDeletion"):
            return f'node "{node}" must not set blockOwnerDeletion on an owner reference'
    return ""


def change_refusal(attributes: Attributes, node: str, pod: Object) -> str:
    """Why a node may not change, delete or evict a pod; `pod` is what is stored."""
    operation = attributes.operation
    if on_node(pod) != node:
        verb = {"UPDATE": "update status for", "DELETE": "delete"}.get(operation, "evict")
        return f'node "{node}" can only {verb} pods with spec.nodeName set to itself'
    if operation != "UPDATE":
        return ""
    if attributes.subresource != "status":
        return f'node "{node}" can only update status of its pods'
    new = attributes.obj or {}
    if meta.labels(new) != meta.labels(pod):
        return f'node "{node}" cannot update labels through pod status'
    if _claim_statuses(new) != _claim_statuses(pod):
        return f'node "{node}" cannot update resource claim statuses'
    return ""


def on_node(pod: Object) -> str:
    """The node a pod is bound to; empty while it is not."""
    return str((pod.get("spec") or {}).get("nodeName") or "")


def _claim_statuses(pod: Object) -> list[Object]:
    return (pod.get("status") or {}).get("resourceClaimStatuses") or []
