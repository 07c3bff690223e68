"""Which pods are a pod's siblings: those its Services and its controller select.

This is what pods without spread constraints of their own are spread by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.kinds import REPLICA_SETS, REPLICATION_CONTROLLERS, SERVICES, STATEFUL_SETS
from steersman.api.labels import Selector, selector_from_label_selector, selector_from_map
from steersman.scheduler.terms import PodMatch

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.informer import Informer, Informers
    from steersman.scheduler.podinfo import Template

__all__ = ["Siblings"]

OWNERS = {
    "ReplicaSet": REPLICA_SETS,
    "StatefulSet": STATEFUL_SETS,
    "ReplicationController": REPLICATION_CONTROLLERS,
}


class Siblings:
    """Answers are kept per template until a Service or an owner comes, goes or changes its selector."""

    def __init__(self, informers: Informers) -> None:
        self._services = informers.informer(SERVICES)
        self._owners: dict[str, Informer] = {kind: informers.informer(r) for kind, r in OWNERS.items()}
        self._known: dict[int, tuple[Template, PodMatch | None]] = {}
        for informer in self._watched():
            informer.add_handler(self._changed)

    def close(self) -> None:
        """Stop listening."""
        for informer in self._watched():
            informer.remove_handler(self._changed)

    async def wait_synced(self) -> None:
        for informer in self._watched():
            await informer.wait_synced()

    def _watched(self) -> tuple[Informer, ...]:
        return self._services, *self._owners.values()

    def match(self, pod: Template) -> PodMatch | None:
        known = self._known.get(id(pod))
        if known is None:
            if len(self._known) > KEPT:
                self._known.clear()
            known = self._known[id(pod)] = pod, self._find(pod)
        return known[1]

    def _find(self, pod: Template) -> PodMatch | None:
        selectors = [service_selector(s) for s in self._services.list(pod.namespace)]
        clauses = [r for s in selectors if s is not None and s.matches(pod.labels) for r in s.requirements]
        owned = self._owner_selector(pod)
        if owned is not None and not owned.nothing:
            clauses += owned.requirements
        return PodMatch(Selector(set(clauses)), frozenset((pod.namespace,))) if clauses else None

    def _owner_selector(self, pod: Template) -> Selector | None:
        informer = self._owners.get(pod.owner["kind"]) if pod.owner else None
        owner = informer.get(pod.owner["name"], pod.namespace) if informer and pod.owner else None
        selector = ((owner or {}).get("spec") or {}).get("selector")
        if selector is None or owner is None:
            return None
        if owner.get("kind") == "ReplicationController":
            return selector_from_map(selector)
        return selector_from_label_selector(selector)

    def _changed(self, old: Object | None, new: Object | None) -> None:
        if old is None or new is None or old["spec"].get("selector") != new["spec"].get("selector"):
            self._known.clear()


KEPT = 4096
"""Templates answered for before the answers are dropped."""


def service_selector(service: Object) -> Selector | None:
    selector = (service.get("spec") or {}).get("selector")
    return selector_from_map(selector) if selector else None
