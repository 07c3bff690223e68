"""How large each ReplicaSet of a Deployment is to be now. Pure.

Every planner returns the changes of this pass; the next pass, started by the ReplicaSets' own progress,
takes the next step. Source: k8s pkg/controller/deployment/{rolling,recreate,sync}.go and util.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from steersman.api import meta
from steersman.api.intstr import scaled_value
from steersman.controllers.deployment.revisions import DESIRED, MAX, revision_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steersman.api.types import Object

__all__ = [
    "Fences",
    "Scale",
    "fences",
    "initial_size",
    "is_saturated",
    "needs_scaling",
    "plan_proportional",
    "plan_recreate",
    "plan_rolling",
    "replicas_of",
]


class Scale(NamedTuple):
    rs: Object
    replicas: int


class Fences(NamedTuple):
    surge: int
    """Pods allowed above `spec.replicas`."""
    unavailable: int
    """Pods that may be missing below `spec.replicas`."""


def replicas_of(obj: Object) -> int:
    """`spec.replicas`, 1 when not said."""
    value = obj["spec"].get("replicas")
    return 1 if value is None else int(value)


def available_of(rs: Object) -> int:
    return int((rs.get("status") or {}).get("availableReplicas") or 0)


def fences(deployment: Object) -> Fences:
    """maxSurge rounded up, maxUnavailable rounded down; both zero would never move, so one may be missing."""
    strategy = deployment["spec"].get("strategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return Fences(0, 0)
    wanted = replicas_of(deployment)
    rolling = strategy.get("rollingUpdate") or {}
    surge = scaled_value(rolling.get("maxSurge", "25%"), wanted, True)
    unavailable = scaled_value(rolling.get("maxUnavailable", "25%"), wanted, False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Fences(surge, min(unavailable, wanted))


def initial_size(deployment: Object, new: Object | None, sets: Iterable[Object]) -> int:
    """How large the new ReplicaSet may be beside what is there."""
    wanted = replicas_of(deployment)
    if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
        return wanted
    present = replicas_of(new) if new is not None else 0
    room = wanted + fences(deployment).surge - sum(map(replicas_of, sets))
    return present if room <= 0 else present + min(room, wanted - present)


def needs_scaling(deployment: Object, sets: Iterable[Object]) -> bool:
    """The Deployment's size changed since its active ReplicaSets were last scaled."""
    wanted = str(replicas_of(deployment))
    recorded = (meta.annotations(rs).get(DESIRED) for rs in sets if replicas_of(rs))
    return any(value is not None and value != wanted for value in recorded)


def is_saturated(deployment: Object, new: Object | None) -> bool:
    """The new ReplicaSet alone is all that is wanted."""
    if new is None:
        return False
    wanted = replicas_of(deployment)
    recorded = meta.annotations(new).get(DESIRED) == str(wanted)
    return recorded and replicas_of(new) == wanted and available_of(new) == wanted


def plan_rolling(deployment: Object, new: Object, old: Sequence[Object]) -> list[Scale]:
    """One step of a rolling update: first grow (or cut) the new set, else shrink old ones."""
    wanted = replicas_of(deployment)
    present = replicas_of(new)
    if present != wanted:
        size = wanted if present > wanted else initial_size(deployment, new, [new, *old])
        if size != present:
            return [Scale(new, size)]
    return _shrink_old(deployment, new, old)


def _shrink_old(deployment: Object, new: Object, old: Sequence[Object]) -> list[Scale]:
    """Old sets: unhealthy pods first, then as many as availability allows, oldest set first."""
    sizes = {meta.uid(rs): replicas_of(rs) for rs in old}
    minimum = replicas_of(deployment) - fences(deployment).unavailable
    unavailable_new = replicas_of(new) - available_of(new)
    room = sum(sizes.values()) + replicas_of(new) - minimum - unavailable_new
    if not any(sizes.values()) or room <= 0:
        return []
    for rs in old:
        unhealthy = max(sizes[meta.uid(rs)] - available_of(rs), 0)
        cut = min(unhealthy, room)
        sizes[meta.uid(rs)] -= cut
        room -= cut
    spare = sum(map(available_of, (new, *old))) - minimum
    for rs in old:
        cut = min(sizes[meta.uid(rs)], max(spare, 0))
        sizes[meta.uid(rs)] -= cut
        spare -= cut
    return [Scale(rs, sizes[meta.uid(rs)]) for rs in old if sizes[meta.uid(rs)] != replicas_of(rs)]


def plan_recreate(
    deployment: Object, new: Object | None, old: Sequence[Object], old_pods_left: bool
) -> list[Scale] | None:
    """Stop everything old, then start the new set; None: the old pods have still to end."""
    stops = [Scale(rs, 0) for rs in old if replicas_of(rs)]
    if stops:
        return stops
    if old_pods_left:
        return None
    wanted = replicas_of(deployment)
    return [Scale(new, wanted)] if new is not None and replicas_of(new) != wanted else []


def plan_proportional(deployment: Object, new: Object | None, old: Sequence[Object]) -> list[Scale]:
    """Sizes after `spec.replicas` changed: one active set takes it all, several share in proportion."""
    wanted = replicas_of(deployment)
    everything = [rs for rs in (new, *old) if rs is not None]
    active = [rs for rs in everything if replicas_of(rs)]
    if len(active) <= 1:
        latest = old[-1] if old else None
        only = active[0] if active else (new if new is not None else latest)
        return [Scale(only, wanted)] if only is not None else []
    if is_saturated(deployment, new):
        return [Scale(rs, 0) for rs in old if replicas_of(rs)]
    if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
        return []
    return _share(deployment, active)


def _share(deployment: Object, active: list[Object]) -> list[Scale]:
    wanted = replicas_of(deployment)
    surge = fences(deployment).surge
    to_add = (wanted + surge if wanted else 0) - sum(map(replicas_of, active))
    # Growing: the largest and newest first. Shrinking: the largest and oldest first. The first takes what
    # rounding left.
    newest_first = to_add > 0
    ordered = sorted(active, key=lambda rs: (rs["metadata"].get("creationTimestamp") or "", revision_of(rs)))
    if newest_first:
        ordered.reverse()
    ordered.sort(key=replicas_of, reverse=True)
    sizes, added = [], 0
    for rs in ordered:
        part = _proportion(rs, deployment, to_add - added) if to_add else 0
        added += part
        sizes.append(replicas_of(rs) + part)
    sizes[0] = max(sizes[0] + to_add - added, 0)
    return [Scale(rs, size) for rs, size in zip(ordered, sizes, strict=True)]


def _proportion(rs: Object, deployment: Object, allowed: int) -> int:
    """The set's share of a change of size, no more than `allowed` (which may be negative)."""
    present, wanted = replicas_of(rs), replicas_of(deployment)
    if not present or not allowed:
        return 0
    if not wanted:
        share = -present
    else:
        recorded = meta.annotations(rs).get(MAX, "")
        status = deployment.get("status") or {}
        before = int(recorded) if recorded.isdecimal() else status.get("replicas", 0)
        after = wanted + fences(deployment).surge
        share = (int(present * after / before + 0.5) if before else present) - present
    return min(share, allowed) if allowed > 0 else max(share, allowed)
