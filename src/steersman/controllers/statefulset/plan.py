"""What a StatefulSet creates and deletes next, and its status. Pure.

Source: k8s pkg/controller/statefulset/stateful_set_control.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.controllers import pods
from steersman.controllers.statefulset.identity import ordinal_of, revision_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.types import Object

__all__ = ["SetPlan", "plan_set", "plan_status"]


@dataclass(frozen=True, slots=True)
class SetPlan:
    create: tuple[tuple[int, str], ...] = ()
    """(ordinal, name of the revision)."""
    delete: tuple[Object, ...] = ()
    recreate: tuple[Object, ...] = ()
    """Ended pods to delete so that they can be made anew."""
    again: float | None = None
    """Seconds until a pod counts as available, when something waits for that."""


@dataclass(frozen=True, slots=True)
class _Set:
    """What the planner asks of a set."""

    start: int
    replicas: int
    ordered: bool
    min_ready: int
    strategy: str
    partition: int | None
    current: str
    update: str
    current_replicas: int

    @classmethod
    def of(cls, owner: Object, current: str, update: str) -> _Set:
        spec = owner["spec"]
        strategy = spec.get("updateStrategy") or {}
        replicas = spec.get("replicas")
        return cls(
            start=(spec.get("ordinals") or {}).get("start") or 0,
            replicas=1 if replicas is None else replicas,
            ordered=spec.get("podManagementPolicy") != "Parallel",
            min_ready=spec.get("minReadySeconds") or 0,
            strategy=strategy.get("type", "RollingUpdate"),
            partition=(strategy.get("rollingUpdate") or {}).get("partition"),
            current=current,
            update=update,
            current_replicas=(owner.get("status") or {}).get("currentReplicas") or 0,
        )

    @property
    def ordinals(self) -> range:
        return range(self.start, self.start + self.replicas)

    def revision_for(self, ordinal: int) -> str:
        """What a missing pod is made of: below the partition (or what is not updated yet) the current
        revision."""
        kept = self.current_replicas if self.partition is None else self.partition
        return (
            self.current if self.strategy == "RollingUpdate" and ordinal < self.start + kept else self.update
        )


def plan_set(owner: Object, owned: Sequence[Object], current: str, update: str, now: float) -> SetPlan:
    """The next step. `current` and `update` are names of revisions."""
    facts = _Set.of(owner, current, update)
    present = {ordinal: pod for pod in owned if (ordinal := ordinal_of(owner, pod)) is not None}
    if meta.deleting(owner):
        return SetPlan()
    ended = tuple(
        pod
        for o, pod in present.items()
        if o in facts.ordinals and pods.is_terminal(pod) and not meta.deleting(pod)
    )
    step = _fill(facts, present, now)
    if (
        ended
        or step.create
        or step.again is not None
        or (facts.ordered and not _settled(facts, present, now))
    ):
        ready = step.create if not facts.ordered or not ended else ()
        return SetPlan(create=ready, recreate=ended, again=step.again)
    condemned = [present[o] for o in sorted(present.keys() - set(facts.ordinals), reverse=True)]
    if condemned:
        return _shrink(facts, condemned, present)
    return _update(facts, present, now) if facts.strategy == "RollingUpdate" else SetPlan()


def _fill(facts: _Set, present: dict[int, Object], now: float) -> SetPlan:
    """Missing ordinals: the first one when everything below it is available, or all."""
    if not facts.ordered:
        missing = (o for o in facts.ordinals if o not in present)
        return SetPlan(create=tuple((o, facts.revision_for(o)) for o in missing))
    for ordinal in facts.ordinals:
        pod = present.get(ordinal)
        if pod is None:
            return SetPlan(create=((ordinal, facts.revision_for(ordinal)),))
        if not _healthy(pod):
            return SetPlan()
        if not pods.is_available(pod, facts.min_ready, now):
            return SetPlan(again=(pods.available_at(pod, facts.min_ready) or now) - now + 0.05)
    return SetPlan()


def _healthy(pod: Object) -> bool:
    return pods.phase(pod) == "Running" and pods.is_ready(pod) and not meta.deleting(pod)


def _settled(facts: _Set, present: dict[int, Object], now: float) -> bool:
    """Every wanted pod is there and available."""
    return all(
        (pod := present.get(o)) is not None and _healthy(pod) and pods.is_available(pod, facts.min_ready, now)
        for o in facts.ordinals
    )


def _shrink(facts: _Set, condemned: list[Object], present: dict[int, Object]) -> SetPlan:
    """Ordinals that are too many: from the highest down, in order only while the others are healthy."""
    if not facts.ordered:
        return SetPlan(delete=tuple(pod for pod in condemned if not meta.deleting(pod)))
    first = condemned[0]
    if meta.deleting(first):
        return SetPlan()
    unhealthy = [o for o in sorted(present) if not _healthy(present[o])]
    if not _healthy(first) and present[unhealthy[0]] is not first:
        return SetPlan()
    return SetPlan(delete=(first,))


def _update(facts: _Set, present: dict[int, Object], now: float) -> SetPlan:
    """Replace pods of other revisions from the highest ordinal down, one at a time."""
    for ordinal in reversed(facts.ordinals):
        if ordinal < facts.start + (facts.partition or 0):
            break
        pod = present.get(ordinal)
        if pod is None:
            return SetPlan()
        if revision_of(pod) != facts.update and not meta.deleting(pod):
            return SetPlan(delete=(pod,))
        if not _healthy(pod):
            return SetPlan()
        if not pods.is_available(pod, facts.min_ready, now):
            return SetPlan(again=(pods.available_at(pod, facts.min_ready) or now) - now + 0.05)
    return SetPlan()


def plan_status(owner: Object, owned: Sequence[Object], current: str, update: str, now: float) -> Object:
    """Counts by revision; a rolling update that is complete makes the update revision the current one."""
    old, seconds = owner.get("status") or {}, owner["spec"].get("minReadySeconds") or 0
    mine = [pod for pod in owned if ordinal_of(owner, pod) is not None]
    living = [pod for pod in mine if not meta.deleting(pod)]
    ready = [pod for pod in mine if pods.phase(pod) == "Running" and pods.is_ready(pod)]
    counts = {
        "readyReplicas": len(ready),
        "currentReplicas": sum(revision_of(pod) == current for pod in living),
        "updatedReplicas": sum(revision_of(pod) == update for pod in living),
    }
    replicas = len(mine)
    strategy = (owner["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate")
    complete = counts["updatedReplicas"] == replicas == counts["readyReplicas"]
    if strategy == "RollingUpdate" and complete:
        current, counts["currentReplicas"] = update, counts["updatedReplicas"]
    status: Object = {"observedGeneration": meta.generation(owner), "replicas": replicas}
    status |= {key: count for key, count in counts.items() if count}
    status["availableReplicas"] = sum(pods.is_available(pod, seconds, now) for pod in ready)
    status |= {"currentRevision": current, "updateRevision": update}
    status["collisionCount"] = old.get("collisionCount") or 0
    if old.get("conditions"):
        status["conditions"] = old["conditions"]
    return status
