"""The phase of a pod from the states of its containers (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.kubelet.pods import spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object


def pod_phase(pod: Object, statuses: Mapping[str, Object], *, terminal: bool) -> str:
    """Pending, Running, Succeeded or Failed; `terminal`: the pod was told to end and nothing runs."""
    inits = [(c, statuses.get(c["name"]) or {}) for c in spec.init_containers(pod)]
    main = [statuses.get(c["name"]) or {} for c in spec.containers(pod)]
    if any(_init_failed(pod, init, status) for init, status in inits):
        return "Failed"
    policy = spec.restart_policy(pod)
    ended = [_ended(status) for status in main]
    if terminal:
        if any(ended) and all(code is None or code == 0 for code in map(_exit_code, main)):
            return "Succeeded" if all(ended) else "Failed"
        return "Failed"
    if any(_init_pending(init, status) for init, status in inits) and not any(map(_running, main)):
        return "Pending"
    if any(not _running(status) and not ended_ for status, ended_ in zip(main, ended, strict=True)):
        return "Pending"
    if any(map(_running, main)):
        return "Running"
    if policy == "Always":
        return "Running"
    if all(_exit_code(status) == 0 for status in main):
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def _running(status: Object) -> bool:
    return "running" in (status.get("state") or {})


def _ended(status: Object) -> bool:
    """Ended, now or before it was held back."""
    return "terminated" in (status.get("state") or {}) or "terminated" in (status.get("lastState") or {})


def _exit_code(status: Object) -> int | None:
    state = (status.get("state") or {}).get("terminated") or (status.get("lastState") or {}).get("terminated")
    return None if state is None else int(state["exitCode"])


def _init_failed(pod: Object, init: Object, status: Object) -> bool:
    if spec.is_sidecar(init) or spec.restart_policy(pod) != "Never":
        return False
    state = (status.get("state") or {}).get("terminated")
    return state is not None and state["exitCode"] != 0


def _init_pending(init: Object, status: Object) -> bool:
    if spec.is_sidecar(init):
        return not status.get("started")
    state = (status.get("state") or {}).get("terminated")
    return state is None or state["exitCode"] != 0
