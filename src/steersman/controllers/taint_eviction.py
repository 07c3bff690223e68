"""Pods on nodes with NoExecute taints: deleted at once, after `tolerationSeconds`, or never, as they
tolerate them.

Source: k8s pkg/controller/tainteviction. The time a pod has is counted from when the taint was put
(`timeAdded`), so a restart of this controller does not give it more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import NotFound
from steersman.api.times import parse_time
from steersman.controllers import pods
from steersman.controllers.node_lifecycle import node_of
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steersman.api.types import Object

__all__ = ["TaintEvictionController", "plan_eviction", "tolerates"]


def tolerates(toleration: Object, taint: Object) -> bool:
    """Whether one toleration covers one taint."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    operator = toleration.get("operator") or "Equal"
    value = taint.get("value") or ""
    if operator == "Exists":
        return True
    if operator in ("Lt", "Gt"):
        return _compares(operator, toleration.get("value") or "", value)
    return bool(toleration.get("key")) and (toleration.get("value") or "") == value


def _compares(operator: str, bound: str, value: str) -> bool:
    try:
        return int(value) < int(bound) if operator == "Lt" else int(value) > int(bound)
    except ValueError:
        return False


def plan_eviction(tolerations: Iterable[Object], taints: Sequence[Object], now: float) -> float | None:
    """When a pod must go (seconds since the epoch, not later than now for at once); None: it may stay.

    `taints` are the NoExecute taints of its node.
    """
    if not taints:
        return None
    known = list(tolerations)
    seconds: list[float] = []
    for taint in taints:
        matching = [t for t in known if tolerates(t, taint)]
        if not matching:
            return now
        seconds += [
            max(t["tolerationSeconds"], 0) for t in matching if t.get("tolerationSeconds") is not None
        ]
    if not seconds:
        return None
    stamps = [parse_time(taint["timeAdded"]) for taint in taints if taint.get("timeAdded")]
    return (max(stamps) if stamps else now) + min(seconds)


class TaintEvictionController(Controller):
    name = "taint-eviction-controller"
    workers = 8

    def setup(self) -> None:
        self.nodes = self.informer(kinds.NODES)
        self.pods = self.informer(kinds.PODS)
        self.pods.add_index("node", node_of)
        self._since: dict[
            str, float
        ] = {}  # pod key -> when its eviction was first set, for taints without a time
        self.nodes.add_handler(self._node_changed)
        self.pods.add_handler(self._pod_changed)

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        before = _no_execute(old) if old is not None else []
        if new is not None and before != _no_execute(new):
            for pod in self.pods.by_index("node", meta.name(new)):
                self.queue.add(meta.key(pod))

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        """New on a tainted node, or its tolerations changed."""
        if new is None:
            if old is not None:
                self._since.pop(meta.key(old), None)
            return
        spec = new["spec"]
        if old is not None and _facts(old) == _facts(new):
            return
        node = self.nodes.get(spec.get("nodeName") or "")
        if node is not None and _no_execute(node):
            self.queue.add(meta.key(new))

    async def reconcile(self, key: str) -> float | None:
        """Delete one pod when its time on its node is over."""
        space, name = meta.split_key(key)
        pod = self.pods.get(name, space)
        if pod is None or meta.deleting(pod) or pods.is_terminal(pod):
            self._since.pop(key, None)
            return None
        node = self.nodes.get(pod["spec"].get("nodeName") or "")
        taints = _no_execute(node) if node is not None else []
        start = self._since.setdefault(key, self.clock.time())
        at = plan_eviction(pod["spec"].get("tolerations") or (), taints, start)
        if at is None:
            del self._since[key]
            return None
        if at > self.clock.time():
            return at - self.clock.time()
        await self._evict(pod)
        self._since.pop(key, None)
        return None

    async def _evict(self, pod: Object) -> None:
        self.recorder.event(
            pod, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {meta.key(pod)}"
        )
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint",
        }
        conditions = meta.set_condition(
            (pod.get("status") or {}).get("conditions"), condition, self.clock.time()
        )
        name, space = meta.name(pod), meta.namespace(pod)
        try:
            patch = {"metadata": {"uid": meta.uid(pod)}, "status": {"conditions": conditions}}
            await self.client.patch(kinds.PODS, name, patch, space, subresource="status")
            await self.client.delete(kinds.PODS, name, space, uid=meta.uid(pod))
        except NotFound:
            return


def _no_execute(node: Object) -> list[Object]:
    return [t for t in (node.get("spec") or {}).get("taints") or () if t["effect"] == "NoExecute"]


def _facts(pod: Object) -> tuple[object, ...]:
    spec = pod["spec"]
    return meta.uid(pod), spec.get("nodeName"), spec.get("tolerations")
