"""Conditions and taints that follow from what nodes report. Pure.

Source: k8s pkg/controller/nodelifecycle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.api.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.types import Object

__all__ = [
    "NOT_READY",
    "UNREACHABLE",
    "eviction_rate",
    "plan_execute_taint",
    "plan_schedule_taints",
    "plan_unknown",
]

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"

_CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
_TAINT_OF = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
}
_OURS = frozenset({*_TAINT_OF.values(), UNSCHEDULABLE})
_UNHEALTHY_FRACTION = 0.55  # of nodes not ready: a partial disruption
_LARGE = 50  # nodes; in smaller clusters a partial disruption stops evictions altogether
_SECONDARY_RATE = 0.01  # nodes a second in a large cluster in partial disruption


def plan_unknown(node: Object, now: float) -> list[Object] | None:
    """The conditions of a node that stopped reporting; None when they say so already."""
    conditions = list((node.get("status") or {}).get("conditions") or ())
    changed = False
    for kind in _CONDITIONS:
        current = meta.get_condition(conditions, kind)
        if current is not None and current["status"] == "Unknown":
            continue
        changed = True
        fresh = {
            "type": kind,
            "status": "Unknown",
            "lastHeartbeatTime": (current or {}).get("lastHeartbeatTime")
            or node["metadata"].get("creationTimestamp"),
            "lastTransitionTime": rfc3339(now),
            "reason": "NodeStatusUnknown" if current else "NodeStatusNeverUpdated",
            "message": f"Kubelet {'stopped posting' if current else 'never posted'} node status.",
        }
        conditions = [c for c in conditions if c["type"] != kind] + [fresh]
    return conditions if changed else None


def _ready_state(node: Object) -> str:
    condition = meta.get_condition(node, "Ready")
    return condition["status"] if condition is not None else "Unknown"


def plan_schedule_taints(node: Object, now: float) -> list[Object] | None:
    """The taints with the NoSchedule ones that follow from conditions and cordoning; None when nothing
    changes."""
    found = (node.get("status") or {}).get("conditions") or ()
    wanted = {_TAINT_OF.get((c["type"], c["status"])) for c in found} - {None}
    if meta.get_condition(found, "Ready") is None:
        wanted.add(NOT_READY)
    if (node.get("spec") or {}).get("unschedulable"):
        wanted.add(UNSCHEDULABLE)
    present = (node.get("spec") or {}).get("taints") or []
    have = {t["key"] for t in present if t["effect"] == "NoSchedule" and t["key"] in _OURS}
    if have == wanted:
        return None
    kept = [t for t in present if t["effect"] != "NoSchedule" or t["key"] not in _OURS - wanted]
    stamp = rfc3339(now)
    return kept + [
        {"key": key, "effect": "NoSchedule", "timeAdded": stamp} for key in sorted(map(str, wanted - have))
    ]


def plan_execute_taint(node: Object, now: float) -> list[Object] | None:
    """The taints with the NoExecute one that follows from the Ready condition; None when nothing changes."""
    state = _ready_state(node)
    wanted = {"False": NOT_READY, "Unknown": UNREACHABLE}.get(state)
    present = (node.get("spec") or {}).get("taints") or []
    have = {t["key"] for t in present if t["effect"] == "NoExecute" and t["key"] in (NOT_READY, UNREACHABLE)}
    if have == ({wanted} if wanted else set()):
        return None
    kept = [t for t in present if t["effect"] != "NoExecute" or t["key"] not in (NOT_READY, UNREACHABLE)]
    if wanted is not None:
        kept.append({"key": wanted, "effect": "NoExecute", "timeAdded": rfc3339(now)})
    return kept


def eviction_rate(nodes: Sequence[Object], normal: float) -> float:
    """Nodes a second that may be tainted NoExecute.

    When every node is lost, or most of a small cluster, the fault is more likely on this side: nothing is
    evicted.
    """
    lost = sum(_ready_state(node) != "True" for node in nodes)
    if not lost or not nodes:
        return normal
    if lost == len(nodes):
        return 0.0
    if lost > 2 and lost / len(nodes) >= _UNHEALTHY_FRACTION:
        return _SECONDARY_RATE if len(nodes) > _LARGE else 0.0
    return normal
