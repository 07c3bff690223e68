"""What a node may write about its Node. Pure.

Labels under `node-restriction.kubernetes.io/` are for others to say about a node, as are all of the project's
own domains but those listed here. Source: NodeRestriction and the well-known labels, as documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes

RESTRICTED = "node-restriction.kubernetes.io"
_OWN_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")
_OWN_LABELS = frozenset(
    {
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "beta.kubernetes.io/os",
        "failure-domain.beta.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "kubernetes.io/arch",
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    }
)


def node_refusal(attributes: Attributes, node: str, name: str) -> str:
    """Why a node may not do this to the Node `name`; empty when it may."""
    if name != node:
        return f'node "{node}" is not allowed to modify node "{name}"'
    if attributes.operation == "DELETE":
        return f'node "{node}" is not allowed to delete itself'
    old, new = attributes.old or {}, attributes.obj or {}
    if attributes.operation == "UPDATE" and not attributes.subresource and _taints(old) != _taints(new):
        return f'node "{node}" is not allowed to modify taints'
    if _owners(old) != _owners(new):
        return f'node "{node}" is not allowed to modify ownerReferences'
    changed = dict(meta.labels(old).items() ^ meta.labels(new).items())
    refused = sorted(key for key in changed if not may_label(key))
    if refused:
        return f'node "{node}" is not allowed to modify labels: {", ".join(refused)}'
    return ""


def may_label(key: str) -> bool:
    """Whether a node may say this about itself."""
    domain = key.partition("/")[0] if "/" in key else ""
    if _within(domain, RESTRICTED):
        return False
    if not (_within(domain, "kubernetes.io") or _within(domain, "k8s.io")):
        return True
    return key in _OWN_LABELS or any(_within(domain, own) for own in _OWN_DOMAINS)


def _within(domain: str, parent: str) -> bool:
    return domain == parent or domain.endswith("." + parent)


def _taints(node: Object) -> list[Object]:
    return (node.get("spec") or {}).get("taints") or []


def _owners(node: Object) -> list[Object]:
    return (node.get("metadata") or {}).get("ownerReferences") or []
