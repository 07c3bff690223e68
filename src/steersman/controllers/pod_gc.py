"""Pods that nobody ends any more: on nodes that are gone, terminating without a node, finished in great
number.

Source: k8s pkg/controller/podgc. Runs every twenty seconds over the caches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import ApiError, NotFound
from steersman.client import ConnectionFailed
from steersman.controllers import pods
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from steersman.api.types import Object
    from steersman.runtime.tasks import TaskGroup

__all__ = ["PodGCController", "plan_garbage"]

_PERIOD = 20.0  # seconds
_QUARANTINE = 40.0  # seconds a node must be missing before its pods are taken for orphans
_OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


@dataclass(frozen=True, slots=True)
class Garbage:
    pod: Object
    reason: str
    message: str


def plan_garbage(
    found: Iterable[Object], nodes: Collection[str], dead: Collection[str], threshold: int
) -> list[Garbage]:
    """What to delete. `nodes`: those that exist or have only just gone; `dead`: those taken out of
    service."""
    garbage: list[Garbage] = []
    finished: list[Object] = []
    for pod in found:
        node = pod["spec"].get("nodeName") or ""
        if node and node not in nodes:
            garbage.append(Garbage(pod, "DeletionByPodGC", "PodGC: node no longer exists"))
        elif node in dead and meta.deleting(pod):
            garbage.append(Garbage(pod, "DeletionByPodGC", "PodGC: node is out of service"))
        elif not node and meta.deleting(pod):
            garbage.append(Garbage(pod, "", "PodGC: terminating and never scheduled"))
        elif pods.is_terminal(pod) and not meta.deleting(pod):
            finished.append(pod)
    excess = len(finished) - threshold
    if threshold > 0 and excess > 0:
        finished.sort(key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", meta.key(pod)))
        garbage += [Garbage(pod, "", "PodGC: too many finished pods") for pod in finished[:excess]]
    return garbage


class PodGCController(Controller):
    name = "pod-garbage-collector-controller"
    workers = 1

    def setup(self) -> None:
        self.pods = self.informer(kinds.PODS)
        self.nodes = self.informer(kinds.NODES)
        self.missing: dict[str, float] = {}

    async def background(self, group: TaskGroup) -> None:
        group.forever(self._loop, self.name)

    async def reconcile(self, key: str) -> float | None:
        return None

    async def _loop(self) -> None:
        while True:
            await self.clock.sleep(_PERIOD)
            await self.collect()

    async def collect(self) -> None:
        """One pass."""
        found = self.pods.list()
        dead = {meta.name(n) for n in self.nodes.list() if _out_of_service(n)}
        for garbage in plan_garbage(
            found, self._known_nodes(found), dead, self.config.terminated_pod_threshold
        ):
            try:
                await self._delete(garbage)
            except NotFound:
                continue
            except (ApiError, ConnectionFailed) as error:
                self.log.warning("%s: %s", meta.key(garbage.pod), error)

    def _known_nodes(self, found: Iterable[Object]) -> set[str]:
        """Nodes in the cache, and those that have been missing only for a short time."""
        now = self.clock.monotonic()
        present = {meta.name(node) for node in self.nodes.list()}
        used = {pod["spec"].get("nodeName") or "" for pod in found} - {""}
        self.missing = {node: self.missing.get(node, now) for node in used - present}
        return present | {node for node, since in self.missing.items() if now - since < _QUARANTINE}

    async def _delete(self, garbage: Garbage) -> None:
        pod = garbage.pod
        self.log.info("deleting pod %s: %s", meta.key(pod), garbage.message)
        if garbage.reason and not pods.is_terminal(pod):
            condition = {
                "type": "DisruptionTarget",
                "status": "True",
                "reason": garbage.reason,
                "message": garbage.message,
            }
            conditions = meta.set_condition(
                (pod.get("status") or {}).get("conditions"), condition, self.clock.time()
            )
            patch = {"status": {"phase": "Failed", "conditions": conditions}}
            await self.client.patch(
                kinds.PODS, meta.name(pod), patch, meta.namespace(pod), subresource="status"
            )
        await self.client.delete(
            kinds.PODS, meta.name(pod), meta.namespace(pod), grace_period_seconds=0, uid=meta.uid(pod)
        )


def _out_of_service(node: Object) -> bool:
    taints = (node.get("spec") or {}).get("taints") or ()
    return any(taint["key"] == _OUT_OF_SERVICE for taint in taints) and not meta.is_condition_true(
        node, "Ready"
    )
