"""What controllers need to know about pods: states, making one from a template, which to delete first."""

from __future__ import annotations

import asyncio
import math
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from steersman.api import meta
from steersman.api.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from steersman.api.kinds import Resource
    from steersman.api.types import Object

__all__ = [
    "available_at",
    "deletion_rank",
    "from_template",
    "in_batches",
    "is_active",
    "is_available",
    "is_ready",
    "is_terminal",
    "phase",
    "ready_since",
]

_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASE_ORDER = {"Pending": 0, "": 1, "Unknown": 1, "Running": 2}


def phase(pod: Object) -> str:
    return (pod.get("status") or {}).get("phase") or ""


def is_terminal(pod: Object) -> bool:
    """Its containers have ended for good."""
    return phase(pod) in ("Succeeded", "Failed")


def is_active(pod: Object) -> bool:
    """Neither ended nor being deleted: it counts as a replica."""
    return not is_terminal(pod) and not meta.deleting(pod)


def is_ready(pod: Object) -> bool:
    return meta.is_condition_true(pod, "Ready")


def ready_since(pod: Object) -> float | None:
    """When the pod became ready (seconds since the epoch); None when it is not."""
    condition = meta.get_condition(pod, "Ready")
    if condition is None or condition.get("status") != "True":
        return None
    stamp = condition.get("lastTransitionTime")
    return parse_time(stamp) if stamp else 0.0


def available_at(pod: Object, min_ready_seconds: int) -> float | None:
    """When the pod counts as available, perhaps in the future; None when it is not ready."""
    since = ready_since(pod)
    return None if since is None else since + min_ready_seconds


def is_available(pod: Object, min_ready_seconds: int, now: float) -> bool:
    """Ready for at least `min_ready_seconds`."""
    if not min_ready_seconds:
        return is_ready(pod)
    at = available_at(pod, min_ready_seconds)
    return at is not None and at <= now


def from_template(template: Object, owner: Object, owner_resource: Resource) -> Object:
    """A new pod of a workload: the template with a generated name and the owner as its controller."""
    wanted = template.get("metadata") or {}
    kept = {key: deepcopy(wanted[key]) for key in ("labels", "annotations", "finalizers") if wanted.get(key)}
    # Like upstream, a name that would be too long for a generated one is left to the server to refuse.
    metadata: Object = {
        "generateName": meta.name(owner) + "-",
        "namespace": meta.namespace(owner),
        **kept,
        "ownerReferences": [meta.owner_reference(owner, owner_resource)],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": deepcopy(template["spec"])}


def deletion_rank(pod: Object, on_same_node: Mapping[str, int], now: float) -> tuple[Any, ...]:
    """Sort key: pods that come first are deleted first when a workload is scaled down.

    Not scheduled before scheduled; pending before unknown before running; not ready before ready; lower
    deletion cost; more related pods on the same node (`on_same_node`: node name -> active related pods);
    ready for a shorter time; more restarts; younger. Times count in powers of two, so that pods of about the
    same age are picked evenly. Source: k8s pkg/controller/controller_utils.go ActivePodsWithRanks.
    """
    node = (pod.get("spec") or {}).get("nodeName") or ""
    since = ready_since(pod)
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    restarts = max((status.get("restartCount", 0) for status in statuses), default=0)
    created = pod["metadata"].get("creationTimestamp")
    return (
        bool(node),
        _PHASE_ORDER.get(phase(pod), 1),
        since is not None,
        _cost(pod),
        -on_same_node.get(node, 0) if node else 0,
        _log_age(now, since),
        -restarts,
        _log_age(now, parse_time(created) if created else None),
        meta.uid(pod),
    )


def _cost(pod: Object) -> int:
    try:
        return int(meta.annotations(pod).get(_DELETION_COST, 0))
    except ValueError:
        return 0


def _log_age(now: float, since: float | None) -> int:
    return -1 if since is None else int(math.log2(max(now - since, 1.0)))


async def in_batches(count: int, fn: Callable[[], Awaitable[object]]) -> tuple[int, Exception | None]:
    """Call `fn` up to `count` times in batches of 1, 2, 4 …; a failed batch is the last.

    So a quota that refuses every pod is met by one request, not by hundreds. Returns how many succeeded and
    the first failure.
    """
    done, size = 0, 1
    while done < count:
        batch = min(size, count - done)
        results = await asyncio.gather(*(fn() for _ in range(batch)), return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        for failure in failures:
            if not isinstance(failure, Exception):
                raise failure
        done += batch - len(failures)
        if failures:
            first = failures[0]
            assert isinstance(first, Exception)
            return done, first
        size *= 2
    return done, None
