"""PodDisruptionBudgets: how many of the selected pods may be evicted now, for the eviction sub-resource to
count down.

Reads PodDisruptionBudgets, Pods and the workloads that own them from caches; writes the status. Source: k8s
pkg/controller/disruption.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import NotFound
from steersman.api.intstr import is_percent, scaled_value
from steersman.api.labels import selector_from_label_selector
from steersman.api.times import parse_time
from steersman.controllers import pods
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steersman.api.types import Object

__all__ = ["DisruptionController", "plan_status"]

_DELETION_TIMEOUT = 120.0  # seconds after which an eviction that did not delete its pod is no longer counted


@dataclass(frozen=True, slots=True)
class Expected:
    """How many pods there should be; `error` says why that cannot be told."""

    count: int = 0
    error: str = ""


def plan_status(budget: Object, selected: Sequence[Object], expected: Expected, now: float) -> Object:
    """The status of a budget whose selector gives `selected`. `expected`: pods their workloads want."""
    old = budget.get("status") or {}
    disrupted = {
        name: stamp
        for name, stamp in (old.get("disruptedPods") or {}).items()
        if parse_time(stamp) + _DELETION_TIMEOUT > now
        and any(meta.name(pod) == name and not meta.deleting(pod) for pod in selected)
    }
    living = [pod for pod in selected if pods.is_active(pod)]
    healthy = sum(pods.is_ready(pod) and meta.name(pod) not in disrupted for pod in living)
    wanted = _desired(budget["spec"], expected.count)
    allowed = 0 if expected.error or expected.count <= 0 else max(healthy - wanted, 0)
    status: Object = {
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": wanted,
        "expectedPods": expected.count,
        "observedGeneration": meta.generation(budget),
    }
    if disrupted:
        status["disruptedPods"] = disrupted
    if expected.error:
        reason, message = "SyncFailed", expected.error
    else:
        reason, message = ("SufficientPods" if allowed else "InsufficientPods"), ""
    condition = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "observedGeneration": meta.generation(budget),
        "reason": reason,
        "message": message,
    }
    status["conditions"] = meta.set_condition(old.get("conditions"), condition, now)
    return status


def _desired(spec: Object, expected: int) -> int:
    """How many pods must stay healthy."""
    if spec.get("maxUnavailable") is not None:
        return max(expected - scaled_value(spec["maxUnavailable"], expected, True), 0)
    return scaled_value(spec.get("minAvailable", 1), expected, True)


class DisruptionController(Controller):
    name = "disruption-controller"
    source = "controllermanager"
    workers = 2

    def setup(self) -> None:
        self.budgets = self.informer(kinds.POD_DISRUPTION_BUDGETS)
        self.pods = self.informer(kinds.PODS)
        self.owners = {
            (resource.group, resource.kind): self.informer(resource)
            for resource in (
                kinds.REPLICA_SETS,
                kinds.DEPLOYMENTS,
                kinds.STATEFUL_SETS,
                kinds.REPLICATION_CONTROLLERS,
            )
        }
        self.for_each(self.budgets)
        self.pods.add_handler(self._pod_changed)
        for informer in self.owners.values():
            informer.add_handler(self._owner_changed)

    async def reconcile(self, key: str) -> float | None:
        """Write what one budget allows now."""
        space, name = meta.split_key(key)
        budget = self.budgets.get(name, space)
        if budget is None or meta.deleting(budget):
            return None
        selector = selector_from_label_selector(budget["spec"].get("selector"))
        selected = self.pods.list(space, selector)
        expected = self._expected(budget, [pod for pod in selected if not pods.is_terminal(pod)])
        status = plan_status(budget, selected, expected, self.clock.time())
        if status != (budget.get("status") or {}):
            changed = budget | {"status": status}
            try:
                await self.client.update(kinds.POD_DISRUPTION_BUDGETS, changed, subresource="status")
            except NotFound:
                return None
        return _DELETION_TIMEOUT / 2 if status.get("disruptedPods") else None

    def _expected(self, budget: Object, selected: Sequence[Object]) -> Expected:
        """The pods themselves for an absolute `minAvailable`, else what their workloads want."""
        spec = budget["spec"]
        if spec.get("maxUnavailable") is None and not is_percent(spec.get("minAvailable")):
            return Expected(len(selected))
        sizes: dict[str, int] = {}
        for pod in selected:
            found = self._workload(pod)
            if found is None:
                reference = meta.controller_of(pod) or {}
                kind = reference.get("kind") or "no controller"
                return Expected(error=f"pod {meta.name(pod)} has {kind}, which has no size that can be read")
            replicas = found["spec"].get("replicas")
            sizes[meta.uid(found)] = 1 if replicas is None else replicas
        return Expected(sum(sizes.values()))

    def _workload(self, pod: Object) -> Object | None:
        """The topmost known owner: a Deployment before its ReplicaSet."""
        found: Object | None = None
        obj: Object | None = pod
        while obj is not None:
            reference = meta.controller_of(obj)
            if reference is None:
                return found
            group = reference["apiVersion"].rpartition("/")[0]
            informer = self.owners.get((group, reference["kind"]))
            obj = informer.get(reference["name"], meta.namespace(pod)) if informer is not None else None
            found = obj if obj is not None else found
        return found

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and new is not None and _facts(old) == _facts(new):
            return
        labels = [meta.labels(pod) for pod in (old, new) if pod is not None]
        self._enqueue(meta.namespace(new or old or {}), lambda matches: any(map(matches, labels)))

    def _owner_changed(self, old: Object | None, new: Object | None) -> None:
        if old is None or new is None or old["spec"].get("replicas") != new["spec"].get("replicas"):
            some = new or old or {}
            labels = ((some.get("spec") or {}).get("template") or {}).get("metadata") or {}
            self._enqueue(meta.namespace(some), lambda matches: matches(labels.get("labels") or {}))

    def _enqueue(self, space: str, concerned: Callable[[Callable[[dict[str, str]], bool]], bool]) -> None:
        for budget in self.budgets.list(space):
            if concerned(selector_from_label_selector(budget["spec"].get("selector")).matches):
                self.queue.add(meta.key(budget))


def _facts(pod: Object) -> tuple[object, ...]:
    return meta.labels(pod), pods.is_ready(pod), pods.is_active(pod), meta.controller_of(pod)
