"""From informer events to the scheduler's picture: who is placed where, who waits, and what may help whom.

Handlers are synchronous and quick. A change that concerns no decision (a heartbeat, a status) changes
nothing here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steersman.scheduler.framework import Event
from steersman.scheduler.podinfo import is_terminal

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.scheduler.cluster import Cluster
    from steersman.scheduler.nominations import Nominations
    from steersman.scheduler.podinfo import PodInfo, Templates
    from steersman.scheduler.queue import Queue

__all__ = ["Observer", "node_events"]

log = logging.getLogger("steersman.scheduler.observer")


class Observer:
    def __init__(
        self,
        scheduler_name: str,
        cluster: Cluster,
        queue: Queue,
        templates: Templates,
        nominations: Nominations,
    ) -> None:
        self._name = scheduler_name
        self._cluster = cluster
        self._queue = queue
        self._templates = templates
        self._nominations = nominations
        self.assumed: dict[str, PodInfo] = {}
        """Pods placed by us whose binding has not been seen yet, by uid."""
        self._changed_meanwhile: dict[str, PodInfo] = {}
        """Assumed pods that were changed before their binding was seen."""
        self.alive: set[str] = set()
        """Uids of pods that exist and have not ended."""

    def pod_changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and (new is None or old["metadata"]["uid"] != new["metadata"]["uid"]):
            self._pod_gone(old["metadata"]["uid"])
        if new is None:
            return
        uid = new["metadata"]["uid"]
        if is_terminal(new):
            self._pod_gone(uid)
            return
        self.alive.add(uid)
        try:
            pod = self._templates.pod(new)
        except (ValueError, KeyError) as error:
            log.error("cannot schedule %s: %r", new["metadata"].get("name"), error)
            return
        if pod.node:
            self._placed(pod)
        elif uid in self.assumed:
            self._changed_meanwhile[uid] = pod
        else:
            self._waiting(pod, new)

    def node_changed(self, old: Object | None, new: Object | None) -> None:
        if new is None:
            if old is not None:
                self._cluster.remove_node(old["metadata"]["name"])
                self._queue.move(Event.NODE_GONE)
            return
        events = node_events(old, new)
        if events or _images(old) != _images(new):
            self._cluster.set_node(new)
        for event in events:
            self._queue.move(event)

    def namespace_changed(self, old: Object | None, new: Object | None) -> None:
        meta = (new or old or {})["metadata"]
        self._cluster.set_namespace(meta["name"], None if new is None else meta.get("labels") or {})
        if old is not None and new is not None and old["metadata"].get("labels") != meta.get("labels"):
            self._queue.move(Event.NAMESPACE)

    # --- placing by ourselves ---

    def assume(self, pod: PodInfo, node: str) -> None:
        """Count the pod on `node` from now on, before the API server knows."""
        pod.node = node
        self.assumed[pod.uid] = pod
        self._nominations.remove(pod.uid)
        self._cluster.add_pod(pod)

    def forget(self, uid: str) -> PodInfo | None:
        """Take an assumption back; the pod as it is now, when it still exists and waits for a node."""
        pod = self.assumed.pop(uid, None)
        if pod is None:
            return None
        self._cluster.remove_pod(uid)
        self._queue.move(Event.POD_GONE)
        pod = self._changed_meanwhile.pop(uid, pod)
        pod.node = ""
        return pod if uid in self.alive else None

    # --- pods ---

    def _placed(self, pod: PodInfo) -> None:
        was_assumed = self.assumed.pop(pod.uid, None) is not None
        self._changed_meanwhile.pop(pod.uid, None)
        self._queue.remove(pod.uid)
        self._nominations.remove(pod.uid)
        known = self._cluster.pods.get(pod.uid)
        if (
            known is not None
            and known.node == pod.node
            and known.template is pod.template
            and known.terminating == pod.terminating
        ):
            known.source, known.started = pod.source, pod.started
            return
        self._cluster.add_pod(pod)
        if known is None or known.node != pod.node:
            self._queue.move(Event.POD_PLACED)
        elif not was_assumed:
            self._queue.move(Event.POD_CHANGED)

    def _waiting(self, pod: PodInfo, source: Object) -> None:
        if source["spec"].get("schedulerName", self._name) != self._name or pod.terminating:
            self._queue.remove(pod.uid)
            self._nominations.remove(pod.uid)
            return
        if pod.nominated and not self._nominations.node_of(pod.uid):
            self._nominations.set(pod, pod.nominated)
        self._queue.add(pod)

    def _pod_gone(self, uid: str) -> None:
        self.alive.discard(uid)
        self.assumed.pop(uid, None)
        self._changed_meanwhile.pop(uid, None)
        self._queue.remove(uid)
        nominated = self._nominations.node_of(uid)
        self._nominations.remove(uid)
        if self._cluster.remove_pod(uid) is not None or nominated:
            self._queue.move(Event.POD_GONE)


def node_events(old: Object | None, new: Object) -> list[Event]:
    """What changed about a node, as far as it decides anything."""
    if old is None:
        return [Event.NODE_ADDED]
    found = []
    if _allocatable(old) != _allocatable(new):
        found.append(Event.NODE_ALLOCATABLE)
    if old["metadata"].get("labels") != new["metadata"].get("labels"):
        found.append(Event.NODE_LABELS)
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if before.get("taints") != after.get("taints"):
        found.append(Event.NODE_TAINTS)
    if bool(before.get("unschedulable")) != bool(after.get("unschedulable")):
        found.append(Event.NODE_CORDON)
    return found


def _allocatable(node: Object) -> Object | None:
    status = node.get("status") or {}
    return status.get("allocatable") or status.get("capacity")


def _images(node: Object | None) -> object:
    return ((node or {}).get("status") or {}).get("images")
