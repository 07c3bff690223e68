"""Status of a Deployment: counts and the conditions Available, Progressing and ReplicaFailure. Pure.

Source: k8s pkg/controller/deployment/{sync,progress}.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.api.times import parse_time, rfc3339
from steersman.controllers.deployment.rollout import fences, replicas_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steersman.api.types import Object

__all__ = [
    "complete",
    "deadline_left",
    "has_deadline",
    "plan_pause_condition",
    "plan_rollout_status",
    "plan_status",
    "put_condition",
]

_NO_DEADLINE = 2**31 - 1
_AVAILABLE = "NewReplicaSetAvailable"
_TIMED_OUT = "ProgressDeadlineExceeded"


def put_condition(
    conditions: Sequence[Object] | None, type: str, status: str, reason: str, message: str, now: float
) -> list[Object]:
    """Set a condition; the same status and reason change nothing, the same status keeps its transition
    time."""
    present = list(conditions or ())
    current = meta.get_condition(present, type)
    if current is not None and (current["status"], current.get("reason")) == (status, reason):
        return present
    stamp = rfc3339(now)
    changed = stamp
    if current is not None and current["status"] == status:
        changed = current.get("lastTransitionTime", stamp)
    fresh = {
        "type": type,
        "status": status,
        "lastUpdateTime": stamp,
        "lastTransitionTime": changed,
        "reason": reason,
        "message": message,
    }
    return [condition for condition in present if condition["type"] != type] + [fresh]


def _without(conditions: Iterable[Object], type: str) -> list[Object]:
    return [condition for condition in conditions if condition["type"] != type]


def has_deadline(deployment: Object) -> bool:
    seconds = deployment["spec"].get("progressDeadlineSeconds")
    return seconds is not None and seconds != _NO_DEADLINE


def complete(deployment: Object, status: Object) -> bool:
    """All replicas are of the present template and available, none are left over."""
    wanted = replicas_of(deployment)
    counts = (status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas"))
    observed = int(status.get("observedGeneration", 0)) >= meta.generation(deployment)
    return observed and all(count == wanted for count in counts)


def plan_status(deployment: Object, new: Object | None, sets: Sequence[Object], now: float) -> Object:
    """Counts and the Available condition; the other conditions as they are."""
    old = deployment.get("status") or {}

    def total(field: str, of: Iterable[Object]) -> int:
        return sum((rs.get("status") or {}).get(field) or 0 for rs in of)

    available = total("availableReplicas", sets)
    counts = {
        "replicas": total("replicas", sets),
        "updatedReplicas": total("replicas", [new] if new is not None else []),
        "readyReplicas": total("readyReplicas", sets),
        "availableReplicas": available,
        "unavailableReplicas": max(sum(map(replicas_of, sets)) - available, 0),
    }
    status: Object = {"observedGeneration": meta.generation(deployment)}
    status |= {key: count for key, count in counts.items() if count}
    status["terminatingReplicas"] = total("terminatingReplicas", sets)
    if old.get("collisionCount") is not None:
        status["collisionCount"] = old["collisionCount"]
    enough = available >= replicas_of(deployment) - fences(deployment).unavailable
    status["conditions"] = put_condition(
        old.get("conditions"),
        "Available",
        "True" if enough else "False",
        "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        f"Deployment {'has' if enough else 'does not have'} minimum availability.",
        now,
    )
    return status


def plan_rollout_status(deployment: Object, new: Object | None, sets: Sequence[Object], now: float) -> Object:
    """The status during a rollout: also Progressing (while a deadline is set) and ReplicaFailure."""
    status = plan_status(deployment, new, sets, now)
    conditions = status["conditions"]
    current = meta.get_condition(deployment, "Progressing")
    if not has_deadline(deployment):
        conditions = _without(conditions, "Progressing")
    else:
        settled = status.get("replicas", 0) == status.get("updatedReplicas", 0)
        if not (settled and current is not None and current.get("reason") == _AVAILABLE):
            conditions = _progressing(deployment, new, status, conditions, current, now)
    failure = _replica_failure(new, sets)
    conditions = _without(conditions, "ReplicaFailure") if failure is None else conditions
    if failure is not None:
        reason, message = failure["reason"], failure.get("message", "")
        conditions = put_condition(conditions, "ReplicaFailure", failure["status"], reason, message, now)
    return status | {"conditions": conditions}


def _progressing(
    deployment: Object,
    new: Object | None,
    status: Object,
    conditions: list[Object],
    current: Object | None,
    now: float,
) -> list[Object]:
    subject = f'ReplicaSet "{meta.name(new)}"' if new is not None else f'Deployment "{meta.name(deployment)}"'
    if complete(deployment, status):
        message = f"{subject} has successfully progressed."
        return put_condition(conditions, "Progressing", "True", _AVAILABLE, message, now)
    if _advanced(deployment.get("status") or {}, status):
        message = f"{subject} is progressing."
        # A new lastUpdateTime each time: the deadline counts from the last progress.
        fresh = put_condition(
            _without(conditions, "Progressing"), "Progressing", "True", "ReplicaSetUpdated", message, now
        )
        if current is not None and current["status"] == "True":
            fresh[-1]["lastTransitionTime"] = current.get("lastTransitionTime", rfc3339(now))
        return fresh
    if _timed_out(deployment, current, now):
        message = f"{subject} has timed out progressing."
        return put_condition(conditions, "Progressing", "False", _TIMED_OUT, message, now)
    return conditions


def _advanced(old: Object, new: Object) -> bool:
    """More pods of the new template, fewer of old ones, or more ready or available."""

    def outdated(status: Object) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    more = any(int(new.get(key, 0)) > int(old.get(key, 0)) for key in grown)
    return more or outdated(new) < outdated(old)


def _timed_out(deployment: Object, current: Object | None, now: float) -> bool:
    if current is None or current.get("reason") == _AVAILABLE:
        return False
    if current.get("reason") == _TIMED_OUT:
        return True
    return now > _last_progress(current) + float(deployment["spec"]["progressDeadlineSeconds"])


def _last_progress(condition: Object) -> float:
    stamp = condition.get("lastUpdateTime") or condition.get("lastTransitionTime")
    return parse_time(stamp) if stamp else 0.0


def deadline_left(deployment: Object, status: Object, now: float) -> float | None:
    """Seconds until a rollout that stands still has to be looked at again; None when nothing is awaited."""
    current = meta.get_condition(status.get("conditions"), "Progressing")
    if current is None or not has_deadline(deployment) or complete(deployment, status):
        return None
    if current.get("reason") in (_AVAILABLE, _TIMED_OUT):
        return None
    left = _last_progress(current) + float(deployment["spec"]["progressDeadlineSeconds"]) - now
    return max(left, 0) + 1.0


def plan_pause_condition(deployment: Object, now: float) -> list[Object] | None:
    """The conditions when pausing or resuming has to be noted, so that paused time is not counted; else
    None."""
    current = meta.get_condition(deployment, "Progressing")
    if not has_deadline(deployment) or (current is not None and current.get("reason") == _TIMED_OUT):
        return None
    paused = bool(deployment["spec"].get("paused"))
    noted = current is not None and current.get("reason") == "DeploymentPaused"
    if paused == noted:
        return None
    word = "paused" if paused else "resumed"
    return put_condition(
        (deployment.get("status") or {}).get("conditions"),
        "Progressing",
        "Unknown",
        "Deployment" + word.capitalize(),
        f"Deployment is {word}",
        now,
    )


def _replica_failure(new: Object | None, sets: Sequence[Object]) -> Object | None:
    """The new set's failure, else the first of any."""
    ordered = [new] if new is not None else []
    for rs in (*ordered, *sets):
        condition = meta.get_condition(rs, "ReplicaFailure")
        if condition is not None:
            return condition
    return None
