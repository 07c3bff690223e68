"""ReplicaSet: as many pods of one template as `spec.replicas` says. ReplicationController shares the
planners.

Reads Pods and ReplicaSets from caches; writes Pods, then the status. Source: k8s pkg/controller/replicaset.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from steersman.api import kinds, meta
from steersman.api.errors import ApiError, Forbidden, NotFound
from steersman.api.labels import selector_from_label_selector, selector_from_map
from steersman.controllers import ownership, pods
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.kinds import Resource
    from steersman.api.labels import Selector
    from steersman.api.types import Object

__all__ = ["ReplicaSetController", "ReplicasPlan", "plan_replicas", "plan_status"]

_BURST = 500  # pods made or deleted in one reconcile


@dataclass(frozen=True, slots=True)
class ReplicasPlan:
    create: int = 0
    delete: tuple[Object, ...] = ()


def plan_replicas(
    wanted: int, active: Sequence[Object], related: Sequence[Object], now: float
) -> ReplicasPlan:
    """How many pods to make, or which to delete. `related`: active pods of the same workload, on any
    revision."""
    missing = wanted - len(active)
    if missing >= 0:
        return ReplicasPlan(create=min(missing, _BURST))
    on_node = Counter(pod["spec"].get("nodeName") or "" for pod in related)
    ranked = sorted(active, key=lambda pod: pods.deletion_rank(pod, on_node, now))
    return ReplicasPlan(delete=tuple(ranked[: min(-missing, _BURST)]))


def plan_status(
    owner: Object, owned: Sequence[Object], failure: tuple[str, str] | None, now: float
) -> Object:
    """The status of a ReplicaSet (or ReplicationController) whose pods are `owned`.

    `failure` is (reason, message) of creating or deleting pods in this pass: the ReplicaFailure condition.
    """
    spec, old = owner["spec"], owner.get("status") or {}
    labels = selector_from_map((spec["template"].get("metadata") or {}).get("labels"))
    seconds = spec.get("minReadySeconds") or 0
    active = [pod for pod in owned if pods.is_active(pod)]
    counts = {
        "fullyLabeledReplicas": sum(labels.matches(meta.labels(pod)) for pod in active),
        "readyReplicas": sum(pods.is_ready(pod) for pod in active),
        "availableReplicas": sum(pods.is_available(pod, seconds, now) for pod in active),
    }
    status: Object = {"replicas": len(active)} | {key: count for key, count in counts.items() if count}
    if owner.get("kind") == "ReplicaSet":
        status["terminatingReplicas"] = sum(meta.deleting(pod) and not pods.is_terminal(pod) for pod in owned)
    status["observedGeneration"] = meta.generation(owner)
    conditions = [c for c in old.get("conditions") or () if c["type"] != "ReplicaFailure"]
    if failure is not None:
        reason, message = failure
        condition = {"type": "ReplicaFailure", "status": "True", "reason": reason, "message": message}
        conditions = meta.set_condition(old.get("conditions"), condition, now)
    if conditions:
        status["conditions"] = conditions
    return status


def next_availability(owned: Sequence[Object], min_ready_seconds: int, now: float) -> float | None:
    """Seconds until a pod that is ready becomes available, when that is in the future."""
    if not min_ready_seconds:
        return None
    times = (pods.available_at(pod, min_ready_seconds) for pod in owned if pods.is_active(pod))
    waits = [at - now for at in times if at is not None and at > now]
    return min(waits) + 0.05 if waits else None


class ReplicaSetController(Controller):
    name = "replicaset-controller"
    workers = 5
    resource: ClassVar[Resource] = kinds.REPLICA_SETS

    def setup(self) -> None:
        self.sets = self.informer(self.resource)
        self.pods = self.informer(kinds.PODS)
        ownership.index_by_controller(self.sets)
        ownership.index_by_controller(self.pods)
        self.for_each(self.sets)
        self.for_owner(self.pods, self.resource)
        self.pods.add_handler(self._orphan_changed)

    def selector(self, owner: Object) -> Selector:
        return selector_from_label_selector(owner["spec"].get("selector"))

    async def reconcile(self, key: str) -> float | None:
        """Bring the pods of one set to `spec.replicas`, then write its status."""
        space, name = meta.split_key(key)
        owner = self.sets.get(name, space)
        if owner is None:
            self.writes.forget(key)
            return None
        selector = self.selector(owner)
        owned = await ownership.claim(self.client, self.pods, self.resource, owner, selector)
        failure: tuple[str, str] | None = None
        error: Exception | None = None
        if not meta.deleting(owner):
            active = [pod for pod in owned if pods.is_active(pod)]
            wanted = owner["spec"].get("replicas", 1)
            related = self._related(owner) if len(active) > wanted else ()
            plan = plan_replicas(wanted, active, related, self.clock.time())
            failure, error = await self._apply(key, owner, plan)
        await self._write_status(owner, plan_status(owner, owned, failure, self.clock.time()))
        if error is not None:
            raise error
        return next_availability(owned, owner["spec"].get("minReadySeconds") or 0, self.clock.time())

    def _related(self, owner: Object) -> list[Object]:
        """Active pods of all sets with the same controller: those of one Deployment are spread together."""
        reference = meta.controller_of(owner)
        sets = [owner] if reference is None else ownership.controlled(self.sets, reference["uid"])
        found = (pod for each in sets for pod in ownership.controlled(self.pods, meta.uid(each)))
        return [pod for pod in found if pods.is_active(pod)]

    async def _apply(
        self, key: str, owner: Object, plan: ReplicasPlan
    ) -> tuple[tuple[str, str] | None, Exception | None]:
        if plan.create:
            _, error = await pods.in_batches(plan.create, lambda: self._create_pod(key, owner))
            return (("FailedCreate", str(error)) if error else None), error
        deletes = (self._delete_pod(key, owner, pod) for pod in plan.delete)
        results = await asyncio.gather(*deletes, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                return ("FailedDelete", str(result)), result
        return None, None

    async def _create_pod(self, key: str, owner: Object) -> None:
        pod = pods.from_template(owner["spec"]["template"], owner, self.resource)
        try:
            made = await self.client.create(kinds.PODS, pod)
        except ApiError as error:
            if not (isinstance(error, Forbidden) and "being terminated" in error.message):
                self.recorder.event(owner, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self.writes.wrote(key, self.pods, made)
        self.recorder.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {meta.name(made)}")

    async def _delete_pod(self, key: str, owner: Object, pod: Object) -> None:
        try:
            await self.client.delete(kinds.PODS, meta.name(pod), meta.namespace(pod), uid=meta.uid(pod))
        except NotFound:
            pass
        except ApiError as error:
            self.recorder.event(owner, "Warning", "FailedDelete", f"Error deleting: {error}")
            raise
        self.writes.deleted(key, self.pods, pod)
        self.recorder.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {meta.name(pod)}")

    async def _write_status(self, owner: Object, status: Object) -> None:
        if status != (owner.get("status") or {}):
            await self.client.update(self.resource, owner | {"status": status}, subresource="status")

    def _orphan_changed(self, old: Object | None, new: Object | None) -> None:
        """A pod without controller: every set of its namespace that might adopt it takes a look."""
        if new is None or meta.controller_of(new) is not None:
            return
        if old is not None and meta.labels(old) == meta.labels(new) and meta.controller_of(old) is None:
            return
        for owner in self.sets.list(meta.namespace(new)):
            if self.selector(owner).matches(meta.labels(new)):
                self.queue.add(meta.key(owner))
