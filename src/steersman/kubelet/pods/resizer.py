"""Carrying resizes out: containers' limits through the runtime, the pod's own through its cgroup."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steersman.kubelet.pods import resources, spec
from steersman.kubelet.pods.resize import (
    Amounts,
    Resize,
    adopted,
    compute_resources,
    infeasible,
    plan_resizes,
)
from steersman.kubelet.pods.stopper import Stopper

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.kubelet.cri.observed import PodRuntime
    from steersman.kubelet.pods.kit import Kit

log = logging.getLogger("steersman.kubelet.pods")


class Resizer:
    """Resizes of one pod."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self.applied: dict[str, Amounts] = {}
        """by container id: what it runs with"""
        self.pending: tuple[str, str] | None = None
        """reason and message of a resize that is not carried out"""

    def observe(self, pod: Object, runtime: PodRuntime) -> None:
        """Know what every running container has: as the API says of an adopted one, as its spec of
        a new one.
        """
        running = {one.id: one.name for one in runtime.running}
        self.applied = {
            identity: amounts for identity, amounts in self.applied.items() if identity in running
        }
        before = adopted(pod, runtime)
        for identity, name in running.items():
            container = spec.find_container(pod, name)
            if identity not in self.applied and container is not None:
                self.applied[identity] = before.get(identity) or compute_resources(container)

    async def apply(self, pod: Object, runtime: PodRuntime) -> bool:
        """Bring the containers to the spec; True when something was done. Raises: RuntimeCallFailed."""
        steps = plan_resizes(pod, runtime, self.applied)
        if not steps:
            self.pending = None
            return False
        impossible = infeasible(pod, self._kit.node.allocatable)
        if impossible is not None:
            changed = self.pending != (impossible.reason, impossible.message)
            self.pending = (impossible.reason, impossible.message)
            return changed
        self.pending = None
        self._kit.cgroups.lift_pod(pod)
        try:
            for step in steps:
                await self._one(pod, step)
        finally:
            self._kit.cgroups.ensure_pod(pod)
        return True

    async def _one(self, pod: Object, step: Resize) -> None:
        name = step.container["name"]
        if step.restart and spec.restart_policy(pod) != "Never":
            message = f"Container {name} resize requires restart"
            await Stopper(self._kit).stop_container(pod, step.record, message, spec.grace_period(pod))
            return
        node = self._kit.node
        linux = resources.container_resources(pod, step.container, node.memory, node.oom_floor)
        await self._kit.runtime.update_resources(step.record.id, linux)
        self.applied[step.record.id] = step.wanted
        log.info("resized container %s of pod %s", name, spec.full_name(pod))
