"""Watches the heartbeats of nodes and applies what `plan` decides. See README.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import ApiError, NotFound
from steersman.api.times import parse_time
from steersman.client import ConnectionFailed
from steersman.controllers.node_lifecycle import plan
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.types import Object
    from steersman.runtime.tasks import TaskGroup

__all__ = ["NodeLifecycleController"]

_LEASES = "kube-node-lease"


@dataclass(slots=True)
class _Health:
    """When a node last showed life, by our clock, and by what we know it."""

    seen: float
    signs: tuple[object, ...]
    ready: str


class NodeLifecycleController(Controller):
    name = "node-lifecycle-controller"
    source = "node-controller"
    workers = 2

    def setup(self) -> None:
        self.nodes = self.informer(kinds.NODES)
        self.leases = self.informer(kinds.LEASES, namespace=_LEASES)
        self.pods = self.informer(kinds.PODS)
        self.pods.add_index("node", node_of)
        self.health: dict[str, _Health] = {}
        self._allowance, self._allowed_at = 1.0, self.clock.monotonic()
        self.for_each(self.nodes)

    async def background(self, group: TaskGroup) -> None:
        group.forever(self._loop, f"{self.name} monitor")

    async def reconcile(self, key: str) -> float | None:
        """NoSchedule taints of one node, as soon as its conditions or its cordon change; a node that is well
        again also loses its NoExecute taint.
        """
        node = self.nodes.get(key)
        if node is None:
            return None
        now = self.clock.time()
        taints = plan.plan_schedule_taints(node, now)
        if meta.is_condition_true(node, "Ready"):
            known = node if taints is None else node | {"spec": (node.get("spec") or {}) | {"taints": taints}}
            well = plan.plan_execute_taint(known, now)
            taints = taints if well is None else well
        await self._put_taints(node, taints, key)
        return None

    async def _loop(self) -> None:
        while True:
            await self.monitor()
            await self.clock.sleep(self.config.node_monitor_period)

    async def monitor(self) -> None:
        """One look at all nodes."""
        nodes = self.nodes.list()
        self._come_and_gone(nodes)
        rate = plan.eviction_rate(nodes, self.config.node_eviction_rate)
        for node in nodes:
            try:
                await self._look_at(node, rate)
            except NotFound:
                continue
            except (ApiError, ConnectionFailed) as error:
                self.log.info("node %s: %s", meta.name(node), error)

    def _come_and_gone(self, nodes: Sequence[Object]) -> None:
        names = set(map(meta.name, nodes))
        for node in nodes:
            if meta.name(node) not in self.health:
                name = meta.name(node)
                text = f"Node {name} event: Registered Node {name} in Controller"
                self.recorder.event(_node_reference(node), "Normal", "RegisteredNode", text)
        for name in self.health.keys() - names:
            text = f"Node {name} event: Removing Node {name} from Controller"
            about = {"kind": "Node", "apiVersion": "v1", "name": name, "uid": name}
            self.recorder.event(about, "Normal", "RemovingNode", text)
            del self.health[name]

    async def _look_at(self, node: Object, rate: float) -> None:
        name = meta.name(node)
        health = self._observe(node)
        if self.clock.monotonic() - health.seen > self._grace(node):
            conditions = plan.plan_unknown(node, self.clock.time())
            if conditions is not None:
                status = (node.get("status") or {}) | {"conditions": conditions}
                node = await self.client.update(kinds.NODES, node | {"status": status}, subresource="status")
        ready = meta.get_condition(node, "Ready")
        if ready is None:  # it has never reported, and still may
            return
        state = ready["status"]
        if state != "True" and health.ready == "True":
            text = f"Node {name} status is now: NodeNotReady"
            self.recorder.event(_node_reference(node), "Normal", "NodeNotReady", text)
        if state != "True":
            await self._pods_not_ready(name)
        health.ready = state
        taints = plan.plan_execute_taint(node, self.clock.time())
        if taints is not None and (state == "True" or self._may_evict(rate)):
            # Both kinds of taints in one write: the workers put the other kind at about this time.
            known = node | {"spec": (node.get("spec") or {}) | {"taints": taints}}
            both = plan.plan_schedule_taints(known, self.clock.time())
            try:
                await self._put_taints(node, taints if both is None else both, name)
            except ApiError:
                self._allowance = 1.0  # nothing was tainted: the next look may try again
                raise

    def _observe(self, node: Object) -> _Health:
        """Note a sign of life: a renewed lease or a new heartbeat in the status."""
        name, now = meta.name(node), self.clock.monotonic()
        lease = self.leases.get(name, _LEASES)
        ready = meta.get_condition(node, "Ready") or {}
        renewed = lease["spec"].get("renewTime") if lease is not None else None
        # Our own writes change the Ready condition too, but never the kubelet's heartbeat.
        signs = (renewed, ready.get("lastHeartbeatTime"), meta.uid(node))
        health = self.health.get(name)
        if health is None:
            created = parse_time(node["metadata"]["creationTimestamp"])
            age = 0.0 if ready else max(self.clock.time() - created, 0.0)
            health = self.health[name] = _Health(now - age, signs, ready.get("status", "Unknown"))
        elif health.signs != signs:
            health.seen, health.signs = now, signs
        return health

    def _grace(self, node: Object) -> float:
        reported = meta.get_condition(node, "Ready") is not None
        return self.config.node_monitor_grace_period if reported else self.config.node_startup_grace_period

    def _may_evict(self, rate: float) -> bool:
        """A token bucket of one token, so that the first lost node is tainted at once."""
        now = self.clock.monotonic()
        self._allowance = min(1.0, self._allowance + (now - self._allowed_at) * rate)
        self._allowed_at = now
        if rate <= 0 or self._allowance < 1.0:
            return False
        self._allowance -= 1.0
        return True

    async def _pods_not_ready(self, node: str) -> None:
        """A lost node's pods are not ready, whatever their last status says."""
        for pod in self.pods.by_index("node", node):
            ready = meta.get_condition(pod, "Ready")
            if ready is None or ready["status"] != "True":
                continue
            condition = {key: value for key, value in ready.items() if key != "lastTransitionTime"}
            conditions = meta.set_condition(
                pod["status"]["conditions"], condition | {"status": "False"}, self.clock.time()
            )
            status = pod["status"] | {"conditions": conditions}
            self.recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready")
            try:
                await self.client.update(kinds.PODS, pod | {"status": status}, subresource="status")
            except ApiError as error:
                self.log.debug("pod %s: %s", meta.key(pod), error)  # tried again at the next look

    async def _put_taints(self, node: Object, taints: list[Object] | None, key: str) -> None:
        if taints is None:
            return
        version = node["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": version}, "spec": {"taints": taints or None}}
        answer = await self.client.patch(kinds.NODES, meta.name(node), patch)
        self.writes.wrote(key, self.nodes, answer)


def node_of(pod: Object) -> tuple[str, ...]:
    """Index of pods by node."""
    node = pod["spec"].get("nodeName")
    return (node,) if node else ()


def _node_reference(node: Object) -> Object:
    """Events about nodes carry the uid of the object and no namespace."""
    return {"kind": "Node", "apiVersion": "v1", "name": meta.name(node), "uid": meta.uid(node)}
