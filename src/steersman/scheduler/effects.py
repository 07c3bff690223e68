"""What the scheduler does to the API: bind, report, evict. Short, idempotent, each tied to one pod."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steersman.api.errors import ApiError, NotFound
from steersman.api.kinds import PODS
from steersman.api.meta import get_condition
from steersman.api.times import rfc3339
from steersman.client.rest import STRATEGIC_PATCH
from steersman.client.transport import ConnectionFailed

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.events import Recorder
    from steersman.client.rest import Client
    from steersman.runtime.clock import Clock
    from steersman.scheduler.podinfo import PodInfo
    from steersman.scheduler.preemption import Eviction

__all__ = ["Effects"]

log = logging.getLogger("steersman.scheduler")


class Effects:
    def __init__(self, client: Client, recorder: Recorder, clock: Clock) -> None:
        self._client = client
        self._recorder = recorder
        self._clock = clock

    async def bind(self, pod: PodInfo, node: str) -> None:
        """Raises: ApiError, ConnectionFailed: then it is not known to be bound."""
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        await self._client.create(PODS, binding, pod.namespace, name=pod.name, subresource="binding")
        message = f"Successfully assigned {pod.key} to {node}"
        self._recorder.event(pod.source, "Normal", "Scheduled", message)

    def report(self, pod: PodInfo, message: str) -> None:
        self._recorder.event(pod.source, "Warning", "FailedScheduling", message)

    async def mark_unschedulable(self, pod: PodInfo, message: str, nominated: str) -> None:
        """Say in the pod's status that it found no node, and which one it was promised ("" for none)."""
        status = self._unscheduled_status(pod, message)
        if nominated != ((pod.source.get("status") or {}).get("nominatedNodeName") or ""):
            status["nominatedNodeName"] = nominated or None
        if not status:
            return
        await self._patch_status(pod, status)

    async def evict(self, eviction: Eviction, preemptor: PodInfo) -> None:
        """Delete the victims, gracefully."""
        for victim in eviction.victims:
            if victim.terminating:
                continue
            condition = self._condition(
                "DisruptionTarget",
                "True",
                "PreemptionByScheduler",
                "default-scheduler: preempting to accommodate a higher priority pod",
            )
            await self._patch_status(victim, {"conditions": [condition]})
            try:
                await self._client.delete(PODS, victim.name, victim.namespace, uid=victim.uid)
            except NotFound:
                continue
            except (ApiError, ConnectionFailed) as error:
                log.error("cannot evict %s: %s", victim.key, error)
                continue
            message = f"Preempted by pod {preemptor.uid} on node {eviction.node}"
            self._recorder.event(victim.source, "Normal", "Preempted", message)

    def _unscheduled_status(self, pod: PodInfo, message: str) -> Object:
        known = get_condition((pod.source.get("status") or {}).get("conditions"), "PodScheduled") or {}
        if (known.get("status"), known.get("reason"), known.get("message")) == (
            "False",
            "Unschedulable",
            message,
        ):
            return {}
        condition = self._condition("PodScheduled", "False", "Unschedulable", message)
        if known.get("status") == "False" and known.get("lastTransitionTime"):
            condition["lastTransitionTime"] = known["lastTransitionTime"]
        return {"conditions": [condition]}

    def _condition(self, type: str, status: str, reason: str, message: str) -> Object:
        return {
            "type": type,
            "status": status,
            "reason": reason,
            "message": message,
            "lastProbeTime": None,
            "lastTransitionTime": rfc3339(self._clock.time()),
        }

    async def _patch_status(self, pod: PodInfo, status: Object) -> None:
        patch = {"metadata": {"uid": pod.uid}, "status": status}
        try:
            await self._client.patch(
                PODS, pod.name, patch, pod.namespace, content_type=STRATEGIC_PATCH, subresource="status"
            )
        except NotFound:
            return
        except (ApiError, ConnectionFailed) as error:
            log.error("cannot write the status of %s: %s", pod.key, error)
