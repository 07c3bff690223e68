"""Stopping containers in good order: preStop hook, signal, grace period, kill; sidecars after the others."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steersman.kubelet.cri.observed import GRACE_PERIOD
from steersman.kubelet.pods import spec
from steersman.kubelet.pods.hooks import HookFailed, run_hook
from steersman.kubelet.probes.handlers import Target
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.kubelet.cri.observed import Container, PodRuntime
    from steersman.kubelet.pods.kit import Kit

log = logging.getLogger("steersman.kubelet.pods")

LEAST_GRACE = 2.0  # seconds a process gets after its preStop hook used up the grace period, as upstream


class Stopper:
    """Stops containers and pods."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    async def stop_container(self, pod: Object, one: Container, message: str, grace: int) -> None:
        """Stop one container within `grace` seconds; cancelling leaves it to the next caller.

        Raises: RuntimeCallFailed.
        """
        kit = self._kit
        path = f"spec.containers{{{one.name}}}"
        kit.recorder.event(pod, "Normal", "Killing", message, field_path=path)
        began = kit.clock.monotonic()
        if grace > 0:
            await self._pre_stop(pod, one, grace)
        left = grace - (kit.clock.monotonic() - began)
        await kit.runtime.stop_container(one.id, round(max(left, LEAST_GRACE)) if grace > 0 else 0)

    async def _pre_stop(self, pod: Object, one: Container, grace: int) -> None:
        container = spec.find_container(pod, one.name) or {}
        hook = (container.get("lifecycle") or {}).get("preStop")
        if not hook or one.state != "running":
            return
        kit = self._kit
        ips = ((pod.get("status") or {}).get("podIP") or "",)
        current = kit.status.current(pod["metadata"]["uid"]) or {}
        target = Target(container, one.id, current.get("podIP") or ips[0])
        try:
            await run_hook(kit.handlers, hook, target, kit.clock, grace)
        except HookFailed as error:
            log.info("preStop hook of %s %s: %s", spec.full_name(pod), one.name, error)
            path = f"spec.containers{{{one.name}}}"
            kit.recorder.event(pod, "Warning", "FailedPreStopHook", "PreStopHook failed", field_path=path)

    async def stop_pod(self, pod: Object, runtime: PodRuntime, grace: int) -> None:
        """End every container and take the sandboxes down.

        Raises: RuntimeCallFailed (in a group when several fail).
        """
        order = [c["name"] for c in spec.init_containers(pod) if spec.is_sidecar(c)]
        began = self._kit.clock.monotonic()
        async with TaskGroup() as group:
            for one in runtime.running:
                if one.name not in order:
                    stop = self.stop_container(pod, one, f"Stopping container {one.name}", grace)
                    group.spawn(stop, f"stop {one.name}")
        for name in reversed(order):
            left = max(grace - int(self._kit.clock.monotonic() - began), 0)
            for one in runtime.running:
                if one.name == name:
                    await self.stop_container(pod, one, f"Stopping container {name}", left)
        for sandbox in runtime.sandboxes:
            if sandbox.ready:
                await self._kit.runtime.stop_sandbox(sandbox.id)

    async def stop_orphan(self, runtime: PodRuntime) -> None:
        """End and remove a pod of which only the runtime knows."""
        async with TaskGroup() as group:
            for one in runtime.running:
                grace = int(one.annotations.get(GRACE_PERIOD) or 0)
                group.spawn(self._kit.runtime.stop_container(one.id, grace), f"stop {one.name}")
        for sandbox in runtime.sandboxes:
            await self._kit.runtime.stop_sandbox(sandbox.id)
            await self._kit.runtime.remove_sandbox(sandbox.id)
