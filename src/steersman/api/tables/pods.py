"""Pods as tables show them: above all the STATUS column, which boils a pod's state down to one word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api.tables.columns import NONE, age, metadata, name, since, spec, status, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object


def pod_cells(pod: Object, now: float) -> list[Any]:
    """Return Name, Ready, Status, Restarts, Age, IP, Node, Nominated Node, Readiness Gates."""
    pod_spec, pod_status = spec(pod), status(pod)
    progress = _Progress(pod)
    addresses = pod_status.get("podIPs") or ()
    address = addresses[0].get("ip") if addresses else pod_status.get("podIP")
    return [
        name(pod),
        f"{progress.ready}/{progress.total}",
        progress.reason,
        _restarts(progress.restarts, progress.last_restart, now),
        age(pod, now),
        address or NONE,
        pod_spec.get("nodeName") or NONE,
        pod_status.get("nominatedNodeName") or NONE,
        _gates(pod_spec.get("readinessGates") or (), pod_status.get("conditions") or ()),
    ]


def _restarts(count: int, last: str, now: float) -> str:
    return f"{count} ({since(last, now)} ago)" if count and last else str(count)


def _gates(gates: Iterable[Object], conditions: Iterable[Object]) -> str:
    wanted = [gate.get("conditionType") for gate in gates]
    if not wanted:
        return NONE
    true = {condition.get("type") for condition in conditions if condition.get("status") == "True"}
    return f"{sum(gate in true for gate in wanted)}/{len(wanted)}"


class _Progress:
    """Reads a pod's container statuses once: init containers in order first, then the others."""

    def __init__(self, pod: Object) -> None:
        pod_spec, self._status = spec(pod), status(pod)
        init = pod_spec.get("initContainers") or []
        self._sidecars = {c.get("name") for c in init if c.get("restartPolicy") == "Always"}
        self._init_count = len(init)
        self.total = len(pod_spec.get("containers") or ()) + len(self._sidecars)
        self.ready = 0
        self.restarts = 0
        self.last_restart = ""
        self._conditions = {c.get("type"): c for c in self._status.get("conditions") or ()}
        self.reason = self._phase()
        if not self._initialize() or self._is_true("Initialized"):
            self._run()
        self._deletion(pod)

    def _is_true(self, condition: str) -> bool:
        return (self._conditions.get(condition) or {}).get("status") == "True"

    def _phase(self) -> str:
        if (self._conditions.get("PodScheduled") or {}).get("reason") == "SchedulingGated":
            return "SchedulingGated"
        return self._status.get("reason") or self._status.get("phase") or ""

    def _count(self, found: Object) -> None:
        self.restarts += found.get("restartCount") or 0
        ended = ((found.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or ""
        self.last_restart = max(self.last_restart, ended)

    def _initialize(self) -> bool:
        """Read the init containers; True when one is still at work or has failed."""
        sidecar_restarts, sidecar_last = 0, ""
        for index, found in enumerate(self._status.get("initContainerStatuses") or ()):
            self._count(found)
            sidecar = found.get("name") in self._sidecars
            if sidecar:
                sidecar_restarts += found.get("restartCount") or 0
                sidecar_last = max(sidecar_last, self._ended(found))
            terminated = (found.get("state") or {}).get("terminated")
            if terminated is not None and not terminated.get("exitCode"):
                continue
            if sidecar and found.get("started"):
                self.ready += bool(found.get("ready"))
                continue
            self.reason = self._init_reason(index, found, terminated)
            if self._is_true("Initialized"):
                self.restarts, self.last_restart = sidecar_restarts, sidecar_last
            return True
        self.restarts, self.last_restart = sidecar_restarts, sidecar_last
        return False

    @staticmethod
    def _ended(found: Object) -> str:
        return ((found.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or ""

    def _init_reason(self, index: int, found: Object, terminated: Object | None) -> str:
        if terminated is not None:
            return f"Init:{_exit(terminated)}"
        waiting = ((found.get("state") or {}).get("waiting") or {}).get("reason")
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{index}/{self._init_count}"

    def _run(self) -> None:
        """Read the main containers; the first one that has something to say names the state."""
        running, failure = False, ""
        for found in reversed(self._status.get("containerStatuses") or ()):
            self._count(found)
            state = found.get("state") or {}
            waiting, terminated = state.get("waiting"), state.get("terminated")
            if waiting and waiting.get("reason"):
                self.reason = waiting["reason"]
            elif terminated is not None:
                self.reason = _exit(terminated)
                failure = self.reason if terminated.get("exitCode") else failure
            elif found.get("ready") and state.get("running") is not None:
                running = True
                self.ready += 1
        if self.reason == "Completed":
            if running and self._is_true("Ready"):
                self.reason = "Running"
            else:
                self.reason = failure or ("NotReady" if running else self.reason)

    def _deletion(self, pod: Object) -> None:
        if not metadata(pod).get("deletionTimestamp"):
            return
        if self._status.get("reason") == "NodeLost":
            self.reason = "Unknown"
        elif self._status.get("phase") not in ("Succeeded", "Failed"):
            self.reason = "Terminating"


def _exit(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode') or 0}"


def pod_conditions(pod: Object) -> list[Object]:
    """Return the conditions of a finished pod's row."""
    phase = status(pod).get("phase")
    message = _FINISHED.get(phase or "")
    if message is None:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": message}]


_FINISHED = {"Succeeded": "The pod has completed successfully.", "Failed": "The pod failed."}
_WIDE = ("IP", "Node", "Nominated Node", "Readiness Gates")
PODS = table(pod_cells, ("Name", "Ready", "Status", "Restarts", "Age", *_WIDE), wide=_WIDE)
