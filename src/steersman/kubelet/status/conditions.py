"""The conditions of a pod that the kubelet owns (pure).

Each is {"type", "status"} and, when not True, reason and message; transition times are added where they are
merged with what the API has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.kubelet.pods import spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object

RESIZE_PENDING = "PodResizePending"
OWNED = (
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
    RESIZE_PENDING,
)


def pod_conditions(
    pod: Object, phase: str, statuses: Mapping[str, Object], *, sandbox_ready: bool
) -> list[Object]:
    """The five conditions of the kubelet, in upstream's order."""
    ready = containers_ready(pod, phase, statuses)
    return [
        _condition("PodReadyToStartContainers", sandbox_ready),
        initialized(pod, phase, statuses),
        pod_ready(pod, phase, ready),
        ready,
        _condition("PodScheduled", True),
    ]


def initialized(pod: Object, phase: str, statuses: Mapping[str, Object]) -> Object:
    if phase == "Succeeded":
        return _condition("Initialized", True, "PodCompleted")
    waiting = [
        c["name"] for c in spec.init_containers(pod) if not _init_done(c, statuses.get(c["name"]) or {})
    ]
    if waiting and not any(_begun(statuses.get(c["name"]) or {}) for c in spec.containers(pod)):
        message = f"containers with incomplete status: [{' '.join(waiting)}]"
        return _condition("Initialized", False, "ContainersNotInitialized", message)
    return _condition("Initialized", True)


def containers_ready(pod: Object, phase: str, statuses: Mapping[str, Object]) -> Object:
    if phase == "Succeeded":
        return _condition("ContainersReady", False, "PodCompleted")
    if phase == "Failed":
        return _condition("ContainersReady", False, "PodFailed")
    unready = [c["name"] for c in spec.long_running(pod) if not (statuses.get(c["name"]) or {}).get("ready")]
    if not unready:
        return _condition("ContainersReady", True)
    message = f"containers with unready status: [{' '.join(unready)}]"
    return _condition("ContainersReady", False, "ContainersNotReady", message)


def pod_ready(pod: Object, phase: str, containers: Object) -> Object:
    if containers["status"] != "True":
        return {**containers, "type": "Ready"}
    present = {c["type"]: c["status"] for c in (pod.get("status") or {}).get("conditions") or ()}
    problems = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        if kind not in present:
            problems.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif present[kind] != "True":
            problems.append(f'the status of pod readiness gate "{kind}" is not "True", but {present[kind]}')
    if problems:
        return _condition("Ready", False, "ReadinessGatesNotReady", ", ".join(problems))
    return _condition("Ready", True)


def _begun(status: Object) -> bool:
    return bool(status.get("containerID"))


def _init_done(container: Object, status: Object) -> bool:
    if spec.is_sidecar(container):
        return bool(status.get("started"))
    ended = (status.get("state") or {}).get("terminated")
    return ended is not None and ended["exitCode"] == 0


def resize_pending(resize: tuple[str, str] | None) -> list[Object]:
    """The condition of a resize that waits; none while there is no such resize."""
    return [] if resize is None else [_condition(RESIZE_PENDING, True, *resize)]


def _condition(kind: str, status: bool, reason: str = "", message: str = "") -> Object:
    condition = {"type": kind, "status": "True" if status else "False"}
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition


def merge(fresh: list[Object], present: list[Object], now: str, generation: int | None) -> list[Object]:
    """`fresh` with the times of `present` kept where the status did not change, then the conditions of
    others.
    """
    known = {condition["type"]: condition for condition in present}
    merged: list[Object] = []
    for condition in fresh:
        old = known.get(condition["type"])
        same = old is not None and old["status"] == condition["status"]
        since = old.get("lastTransitionTime") or now if old is not None and same else now
        entry = {**condition, "lastProbeTime": None, "lastTransitionTime": since}
        if generation is not None:
            entry["observedGeneration"] = generation
        merged.append(entry)
    return merged + [condition for condition in present if condition["type"] not in OWNED]
