"""The DaemonSet controller: keeps revisions, applies `plan`, writes the status. See README.md."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import ApiError, NotFound
from steersman.api.labels import selector_from_label_selector
from steersman.controllers import ownership, pods
from steersman.controllers.daemonset.plan import (
    DaemonPlan,
    fits,
    make_pod,
    node_of,
    plan_daemons,
    plan_status,
)
from steersman.controllers.history import HASH_LABEL, History
from steersman.controllers.replicaset import next_availability
from steersman.controllers.runtime import Controller
from steersman.runtime.backoff import Backoff

if TYPE_CHECKING:
    from steersman.api.types import Object

__all__ = ["DaemonSetController"]

_BURST = 250  # pods made or deleted in one reconcile


class DaemonSetController(Controller):
    name = "daemonset-controller"
    workers = 2

    def setup(self) -> None:
        self.sets = self.informer(kinds.DAEMON_SETS)
        self.pods = self.informer(kinds.PODS)
        self.nodes = self.informer(kinds.NODES)
        self.history = History(self.client, self.informer(kinds.CONTROLLER_REVISIONS), kinds.DAEMON_SETS)
        self._kill_backoff = Backoff(1.0, 2.0, 900.0, clock=self.clock)
        self._held: dict[tuple[str, str], float] = {}  # (set, node) -> when its failed pod may be deleted
        ownership.index_by_controller(self.pods)
        self.for_each(self.sets)
        self.for_owner(self.pods, kinds.DAEMON_SETS)
        self.nodes.add_handler(self._node_changed)

    async def reconcile(self, key: str) -> float | None:
        """Bring one set's pods to its nodes, then write its status."""
        space, name = meta.split_key(key)
        owner = self.sets.get(name, space)
        if owner is None:
            self.writes.forget(key)
            return None
        if not any((owner["spec"].get("selector") or {}).values()):
            text = "This daemon set is selecting all pods. A non-empty selector is required."
            self.recorder.event(owner, "Warning", "SelectingAll", text)
            return None
        selector = selector_from_label_selector(owner["spec"].get("selector"))
        owned = await ownership.claim(self.client, self.pods, kinds.DAEMON_SETS, owner, selector)
        if meta.deleting(owner):
            return None
        revisions = await self.history.sync(owner)
        revision = meta.labels(revisions.update)[HASH_LABEL]
        nodes, now = self.nodes.list(), self.clock.time()
        plan = plan_daemons(owner, owned, nodes, revision, now)
        plan, again = self._hold_failed(key, plan)
        failure = await self._apply(key, owner, plan, revision)
        wanted = plan_status(owner, owned, nodes, revision, now)
        if wanted != (owner.get("status") or {}):
            await self.client.update(kinds.DAEMON_SETS, owner | {"status": wanted}, subresource="status")
        if failure is not None:
            raise failure
        live = {meta.labels(pod).get(HASH_LABEL, "") for pod in owned} | {revision}
        used = {meta.name(r) for r in revisions.all if meta.labels(r).get(HASH_LABEL) in live}
        limit = owner["spec"].get("revisionHistoryLimit")
        await self.history.prune(revisions.all, used, 10 if limit is None else limit)
        waits = [again, next_availability(owned, owner["spec"].get("minReadySeconds") or 0, now)]
        return min((wait for wait in waits if wait is not None), default=None)

    def _hold_failed(self, key: str, plan: DaemonPlan) -> tuple[DaemonPlan, float | None]:
        """Delete failed pods only when their node's back-off has passed; says when to look again."""
        due, waits, now = [], [], self.clock.monotonic()
        for pod in plan.failed:
            place = (key, node_of(pod))
            at = self._held.setdefault(place, now + self._kill_backoff.next(place))
            if at > now:
                waits.append(at - now)
            else:
                due.append(pod)
                del self._held[place]
        held = DaemonPlan(plan.create, (*plan.delete, *due), tuple(due))
        return held, min(waits, default=None)

    async def _apply(self, key: str, owner: Object, plan: DaemonPlan, revision: str) -> Exception | None:
        for pod in plan.failed:
            text = f"Found failed daemon pod {meta.key(pod)} on node {node_of(pod)}, will try to kill it"
            self.recorder.event(owner, "Warning", "FailedDaemonPod", text)
        deletes = [self._delete(key, owner, pod) for pod in plan.delete[:_BURST]]
        results = await asyncio.gather(*deletes, return_exceptions=True)
        failure = next((result for result in results if isinstance(result, Exception)), None)
        waiting = iter(plan.create[:_BURST])
        _, refused = await pods.in_batches(
            len(plan.create[:_BURST]), lambda: self._create(key, owner, next(waiting), revision)
        )
        return failure or refused

    async def _create(self, key: str, owner: Object, node: str, revision: str) -> None:
        try:
            made = await self.client.create(kinds.PODS, make_pod(owner, node, revision))
        except ApiError as error:
            self.recorder.event(owner, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self.writes.wrote(key, self.pods, made)
        self.recorder.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {meta.name(made)}")

    async def _delete(self, key: str, owner: Object, pod: Object) -> None:
        with suppress(NotFound):
            await self.client.delete(kinds.PODS, meta.name(pod), meta.namespace(pod), uid=meta.uid(pod))
        self.writes.deleted(key, self.pods, pod)
        self.recorder.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {meta.name(pod)}")

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        """A node came or went, or its labels or taints changed what fits it."""
        for owner in self.sets.list():
            before = fits(owner, old) if old is not None else None
            after = fits(owner, new) if new is not None else None
            if before != after:
                self.queue.add(meta.key(owner))
