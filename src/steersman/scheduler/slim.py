"""What the scheduler keeps of a pod: a fraction of the object, for there may be very many.

Given to the informer as its transform, so the rest is never kept. Whoever needs a further field adds it here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steersman.api.types import Object

__all__ = ["slim_pod"]

METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "labels",
    "ownerReferences",
    "creationTimestamp",
    "deletionTimestamp",
)
SPEC = (
    "nodeName",
    "schedulerName",
    "schedulingGates",
    "priority",
    "preemptionPolicy",
    "nodeSelector",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "overhead",
    "resources",
    "hostNetwork",
)
CONTAINER = ("image", "resources", "ports", "restartPolicy")
STATUS = ("phase", "nominatedNodeName", "startTime")


def slim_pod(pod: Object) -> Object:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    kept_spec = _only(spec, SPEC)
    for containers in ("containers", "initContainers"):
        if spec.get(containers):
            kept_spec[containers] = [_only(c, CONTAINER) for c in spec[containers]]
    kept_status = _only(status, STATUS)
    kept_status["conditions"] = [c for c in status.get("conditions") or () if c.get("type") == "PodScheduled"]
    return {
        "apiVersion": pod.get("apiVersion"),
        "kind": pod.get("kind"),
        "metadata": _only(pod["metadata"], METADATA),
        "spec": kept_spec,
        "status": kept_status,
    }


def _only(obj: Object, fields: tuple[str, ...]) -> Object:
    return {field: obj[field] for field in fields if field in obj}
