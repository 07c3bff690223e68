"""ContainerStatus of one container: its state now, the one before, readiness and restarts (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api.times import rfc3339
from steersman.kubelet.pods import spec
from steersman.kubelet.pods.plan import failed_for_good
from steersman.kubelet.status.facts import Facts, Waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object
    from steersman.kubelet.cri.observed import Container, PodRuntime


def container_statuses(
    pod: Object, group: list[Object], runtime: PodRuntime, facts: Facts, known: Mapping[str, Object]
) -> list[Object]:
    """Statuses of one group of containers, in the group's order; `known`: the last statuses by name."""
    return [container_status(pod, c, runtime, facts, known.get(c["name"])) for c in group]


def container_status(
    pod: Object, container: Object, runtime: PodRuntime, facts: Facts, known: Object | None
) -> Object:
    name = container["name"]
    latest, waiting = runtime.latest(name), facts.waiting.get(name)
    status: Object = {
        "name": name,
        "image": (latest.image if latest else "") or container.get("image") or "",
        "imageID": latest.image_id if latest else (known or {}).get("imageID", ""),
        "ready": False,
        "restartCount": latest.attempt if latest else int((known or {}).get("restartCount", 0)),
        "started": False,
        "state": {},
        "lastState": {},
    }
    if latest is None:
        status["state"] = {"waiting": _waiting(waiting or _not_started(pod, container, runtime))}
        _keep_history(status, known, facts)
        return status
    status["containerID"] = f"{facts.runtime_name}://{latest.id}"
    _fill_state(status, pod, container, latest, waiting, runtime, facts)
    _fill_resources(status, container, facts.resources.get(latest.id))
    return status


def _keep_history(status: Object, known: Object | None, facts: Facts) -> None:
    """The runtime has forgotten the container: what the API still knows of its past stays."""
    if not known:
        return
    if past := (known.get("state") or {}).get("terminated") or (known.get("lastState") or {}).get(
        "terminated"
    ):
        if facts.terminal:
            status["state"] = {"terminated": past}
        else:
            status["lastState"] = {"terminated": past}
    elif (known.get("state") or {}).get("running") and facts.terminal:
        status["state"] = {"terminated": _lost(known)}


def _lost(known: Object) -> Object:
    return {
        "exitCode": 137,
        "reason": "ContainerStatusUnknown",
        "message": "The container could not be located when the pod was terminated",
        "startedAt": None,
        "finishedAt": None,
        "containerID": known.get("containerID", ""),
    }


def _fill_state(
    status: Object,
    pod: Object,
    container: Object,
    latest: Container,
    waiting: Waiting | None,
    runtime: PodRuntime,
    facts: Facts,
) -> None:
    previous = runtime.previous(container["name"])
    if latest.state in ("running", "unknown"):
        status["state"] = {"running": {"startedAt": rfc3339(latest.started)}}
        status["started"] = latest.id in facts.started
        status["ready"] = _ready(container, pod, latest, facts)
    elif latest.state == "created":
        status["state"] = {"waiting": _waiting(waiting or Waiting("ContainerCreating"))}
    elif waiting is not None and not facts.terminal:
        status["state"] = {"waiting": _waiting(waiting)}
        status["lastState"] = {"terminated": terminated(latest, facts)}
        return
    else:
        status["state"] = {"terminated": terminated(latest, facts)}
        status["ready"] = _init_done(pod, container, latest)
    if previous is not None and previous.state == "exited":
        status["lastState"] = {"terminated": terminated(previous, facts)}


def _ready(container: Object, pod: Object, latest: Container, facts: Facts) -> bool:
    if any(c["name"] == container["name"] for c in spec.ephemeral_containers(pod)):
        return False
    if _is_step(pod, container):
        return False
    return latest.id in facts.started and latest.id not in facts.unready


def _is_step(pod: Object, container: Object) -> bool:
    return any(c["name"] == container["name"] and not spec.is_sidecar(c) for c in spec.init_containers(pod))


def _init_done(pod: Object, container: Object, latest: Container) -> bool:
    """An init container counts as ready once it has succeeded."""
    return _is_step(pod, container) and latest.exit_code == 0


def terminated(container: Container, facts: Facts) -> Object:
    """ContainerStateTerminated."""
    reason = container.reason or ("Completed" if container.exit_code == 0 else "Error")
    state: Object = {
        "exitCode": container.exit_code,
        "reason": reason,
        "startedAt": rfc3339(container.started),  # the epoch when it never started, as upstream
        "finishedAt": rfc3339(container.finished) if container.finished else None,
        "containerID": f"{facts.runtime_name}://{container.id}",
    }
    if message := facts.messages.get(container.id) or (container.message if reason != "Error" else ""):
        state["message"] = message
    return state


def _not_started(pod: Object, container: Object, runtime: PodRuntime) -> Waiting:
    inits = spec.init_containers(pod)
    is_init = any(c["name"] == container["name"] for c in inits)
    if inits and (not is_init or container["name"] != inits[0]["name"]) and not _inits_done(pod, runtime):
        return Waiting("PodInitializing")
    return Waiting("ContainerCreating" if not is_init else "PodInitializing")


def _inits_done(pod: Object, runtime: PodRuntime) -> bool:
    for init in spec.init_containers(pod):
        latest = runtime.latest(init["name"])
        if latest is None or failed_for_good(pod, init, runtime):
            return False
        if not spec.is_sidecar(init) and not (latest.state == "exited" and latest.exit_code == 0):
            return False
    return True


def _waiting(waiting: Waiting) -> Object:
    return {"reason": waiting.reason} | ({"message": waiting.message} if waiting.message else {})


def _fill_resources(status: Object, container: Object, applied: Object | None) -> None:
    resources = _with_applied(container.get("resources") or {}, applied)
    if "running" in status["state"]:
        shown: dict[str, Any] = {
            kind: resources[kind] for kind in ("limits", "requests") if resources.get(kind)
        }
        status["resources"] = shown
        if resources.get("requests"):
            status["allocatedResources"] = resources["requests"]
    mounts = []
    for mount in container.get("volumeMounts") or ():
        entry = {"name": mount["name"], "mountPath": mount["mountPath"]}
        if mount.get("readOnly"):
            entry |= {"readOnly": True, "recursiveReadOnly": mount.get("recursiveReadOnly") or "Disabled"}
        mounts.append(entry)
    if mounts:
        status["volumeMounts"] = mounts


def _with_applied(resources: Object, applied: Object | None) -> Object:
    """The resources with CPU and memory as the container has them, which a resize may not have reached
    yet.
    """
    if applied is None:
        return resources
    merged = {}
    for kind in ("limits", "requests"):
        others = {k: v for k, v in (resources.get(kind) or {}).items() if k not in ("cpu", "memory")}
        merged[kind] = {**others, **applied.get(kind, {})}
    return merged
