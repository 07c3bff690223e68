"""Where a DaemonSet's pods belong, what to make and delete, and its status. Pure.

Source: k8s pkg/controller/daemon.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.intstr import scaled_value
from steersman.controllers import pods
from steersman.controllers.history import HASH_LABEL
from steersman.controllers.node_match import matches_affinity, untolerated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steersman.api.types import Object

__all__ = ["DaemonPlan", "by_node", "fits", "make_pod", "plan_daemons", "plan_status"]

_NODE = "node.kubernetes.io/"
_EXTRA = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)
"""Taints that a daemon bears: it serves the node, whatever state the node is in."""


@dataclass(frozen=True, slots=True)
class DaemonPlan:
    create: tuple[str, ...] = ()
    """Names of nodes."""
    delete: tuple[Object, ...] = ()
    failed: tuple[Object, ...] = ()
    """Pods that ended; to be deleted with back-off, so that they are made anew."""


def _tolerations(spec: Object) -> list[Object]:
    extra = [{"key": _NODE + key, "operator": "Exists", "effect": effect} for key, effect in _EXTRA]
    if spec.get("hostNetwork"):
        network = {"key": _NODE + "network-unavailable", "operator": "Exists", "effect": "NoSchedule"}
        extra.append(network)
    present = list(spec.get("tolerations") or ())
    return present + [each for each in extra if each not in present]


def fits(owner: Object, node: Object) -> tuple[bool, bool]:
    """(whether a pod should be started on the node, whether one that is there may go on)."""
    spec = owner["spec"]["template"]["spec"]
    if not matches_affinity(spec, node):
        return False, False
    taints = (node.get("spec") or {}).get("taints") or ()
    tolerations = _tolerations(spec)
    if untolerated(tolerations, taints, ("NoExecute",)) is not None:
        return False, False
    return untolerated(tolerations, taints, ("NoSchedule",)) is None, True


def node_of(pod: Object) -> str:
    """The node the pod is on, or is meant for by its affinity."""
    spec = pod["spec"]
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name" and field["values"]:
                return str(field["values"][0])
    return ""


def by_node(owned: Sequence[Object]) -> dict[str, list[Object]]:
    """Pods by node, oldest first."""
    found: dict[str, list[Object]] = {}
    for pod in sorted(owned, key=lambda p: (p["metadata"].get("creationTimestamp") or "", meta.name(p))):
        found.setdefault(node_of(pod), []).append(pod)
    return found


def make_pod(owner: Object, node: str, revision: str) -> Object:
    """The pod for one node, of the present template; `revision` is its hash."""
    pod = pods.from_template(owner["spec"]["template"], owner, kinds.DAEMON_SETS)
    pod["metadata"].setdefault("labels", {})[HASH_LABEL] = revision
    generation = meta.annotations(owner).get("deprecated.daemonset.template.generation")
    if generation:
        pod["metadata"]["labels"]["pod-template-generation"] = generation
    spec = pod["spec"]
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    affinity = deepcopy(spec.get("affinity") or {})
    # The node's name takes the place of the set's own terms, which the node already satisfies.
    required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    affinity["nodeAffinity"] = (affinity.get("nodeAffinity") or {}) | {
        "requiredDuringSchedulingIgnoredDuringExecution": required
    }
    spec["affinity"] = affinity
    spec["tolerations"] = _tolerations(spec)
    return pod


def plan_daemons(
    owner: Object, owned: Sequence[Object], nodes: Sequence[Object], revision: str, now: float
) -> DaemonPlan:
    """What to make and delete so that every fitting node has exactly one pod, then the next step of an
    update."""
    placed = by_node(owned)
    create: list[str] = []
    delete: list[Object] = []
    failed: list[Object] = []
    surge = _limits(owner, nodes)[0]
    for node in nodes:
        name = meta.name(node)
        here = [pod for pod in placed.pop(name, ()) if not meta.deleting(pod)]
        start, stay = fits(owner, node)
        ended = [pod for pod in here if pods.is_terminal(pod)]
        living = [pod for pod in here if not pods.is_terminal(pod)]
        if not stay:
            delete += living
        else:
            failed += ended
            delete += _surplus(living, revision, surge)
            if start and not here and not _leaving(owned, name):
                create.append(name)
    for name, rest in placed.items():  # on nodes that are gone
        delete += [pod for pod in rest if name and not meta.deleting(pod)]
    if not create and not delete and not failed:
        return _plan_update(owner, by_node(owned), nodes, revision, now)
    return DaemonPlan(tuple(create), tuple(delete), tuple(failed))


def _leaving(owned: Sequence[Object], node: str) -> bool:
    """A pod is still ending on the node: its successor waits."""
    return any(meta.deleting(pod) and node_of(pod) == node for pod in owned)


def _surplus(living: list[Object], revision: str, surge: int) -> list[Object]:
    """More than one pod on a node: the oldest stays, or with surge one old and one new."""
    if len(living) <= 1:
        return []
    if surge:
        new = [pod for pod in living if meta.labels(pod).get(HASH_LABEL) == revision]
        old = [pod for pod in living if meta.labels(pod).get(HASH_LABEL) != revision]
        if new and old:
            done = old if pods.is_ready(new[0]) else old[1:]
            return done + new[1:]
    return living[1:]


def _limits(owner: Object, nodes: Sequence[Object]) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) as numbers of pods."""
    strategy = owner["spec"].get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return 0, 0
    rolling = strategy.get("rollingUpdate") or {}
    desired = sum(fits(owner, node)[0] for node in nodes)
    surge = scaled_value(rolling.get("maxSurge", 0), desired, True)
    unavailable = scaled_value(rolling.get("maxUnavailable", 1), desired, True)
    return surge, unavailable if surge or unavailable else 1


def _plan_update(
    owner: Object, placed: Mapping[str, list[Object]], nodes: Sequence[Object], revision: str, now: float
) -> DaemonPlan:
    if (owner["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") != "RollingUpdate":
        return DaemonPlan()
    surge, unavailable = _limits(owner, nodes)
    seconds = owner["spec"].get("minReadySeconds") or 0
    missing = surging = 0
    old_up: list[Object] = []
    old_down: list[Object] = []
    candidates: list[str] = []
    for node in nodes:
        if not fits(owner, node)[0]:
            continue
        here = placed.get(meta.name(node)) or []
        new = [p for p in here if meta.labels(p).get(HASH_LABEL) == revision and not meta.deleting(p)]
        old = [p for p in here if meta.labels(p).get(HASH_LABEL) != revision and not meta.deleting(p)]
        available = any(pods.is_available(p, seconds, now) for p in new + old)
        missing += not available
        surging += bool(new and old)
        if old and not new:
            (old_up if pods.is_available(old[0], seconds, now) else old_down).append(old[0])
            candidates.append(meta.name(node))
    if surge:
        return DaemonPlan(create=tuple(candidates[: max(surge - surging, 0)]))
    # Those that serve nobody may go at once; of the others as many as may be missing.
    spare = max(unavailable - missing, 0)
    return DaemonPlan(delete=(*old_down, *old_up[:spare]))


def plan_status(
    owner: Object, owned: Sequence[Object], nodes: Sequence[Object], revision: str, now: float
) -> Object:
    """The counts that `kubectl get daemonset` shows."""
    placed, seconds = by_node(owned), owner["spec"].get("minReadySeconds") or 0
    keys = ("desired", "current", "misscheduled", "ready", "available", "updated")
    count = dict.fromkeys(keys, 0)
    for node in nodes:
        here = [pod for pod in placed.get(meta.name(node), ()) if not meta.deleting(pod)]
        start, _ = fits(owner, node)
        if not start:
            count["misscheduled"] += bool(here)
            continue
        count["desired"] += 1
        if here:
            count["current"] += 1
            count["ready"] += any(pods.is_ready(pod) for pod in here)
            count["available"] += any(pods.is_available(pod, seconds, now) for pod in here)
            count["updated"] += any(meta.labels(pod).get(HASH_LABEL) == revision for pod in here)
    status: Object = {
        "currentNumberScheduled": count["current"],
        "numberMisscheduled": count["misscheduled"],
        "desiredNumberScheduled": count["desired"],
        "numberReady": count["ready"],
        "observedGeneration": meta.generation(owner),
    }
    optional = {
        "updatedNumberScheduled": count["updated"],
        "numberAvailable": count["available"],
        "numberUnavailable": count["desired"] - count["available"],
    }
    status |= {key: value for key, value in optional.items() if value}
    old = owner.get("status") or {}
    return status | {key: old[key] for key in ("collisionCount", "conditions") if old.get(key) is not None}
