"""In-place resize: bring running containers to changed CPU and memory amounts (pure).

What a container runs with is remembered when it is started, and taken from the API's status when it is
adopted. Source: "Resize CPU and Memory Resources assigned to Containers" in the Kubernetes documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api import quantity
from steersman.kubelet.pods import resources, spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object
    from steersman.kubelet.cri.observed import Container, PodRuntime

Amounts = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Resize:
    """One running container whose resources are not those of its spec."""

    container: Object
    record: Container
    wanted: Amounts
    restart: bool
    """its resize policy asks for a restart instead of an update"""


@dataclass(frozen=True, slots=True)
class Pending:
    """Why a resize is not carried out: the PodResizePending condition."""

    reason: str
    message: str


def compute_resources(container: Object) -> Amounts:
    """The CPU and memory amounts of a spec, in one spelling, so that equal amounts compare equal."""
    return {
        kind: {
            name: quantity.canonical(amount)
            for name, amount in resources.amounts(container, kind).items()
            if name in resources.COMPUTE
        }
        for kind in ("limits", "requests")
    }


def plan_resizes(pod: Object, runtime: PodRuntime, applied: Mapping[str, Amounts]) -> list[Resize]:
    """The containers to bring up to date; `applied` by container id, unknown ones count as up to date."""
    found = []
    for container in spec.long_running(pod):
        record = runtime.latest(container["name"])
        if record is None or record.state != "running" or record.id not in applied:
            continue
        wanted, present = compute_resources(container), applied[record.id]
        if wanted != present:
            changed = _changed(wanted, present)
            found.append(Resize(container, record, wanted, _wants_restart(container, changed)))
    return found


def _changed(wanted: Amounts, present: Amounts) -> set[str]:
    return {
        name
        for name in resources.COMPUTE
        for kind in ("limits", "requests")
        if wanted.get(kind, {}).get(name) != present.get(kind, {}).get(name)
    }


def _wants_restart(container: Object, changed: set[str]) -> bool:
    return any(
        policy["resourceName"] in changed and policy.get("restartPolicy") == "RestartContainer"
        for policy in container.get("resizePolicy") or ()
    )


def infeasible(pod: Object, allocatable: Mapping[str, str]) -> Pending | None:
    """A resize that this node could never grant; None when it could."""
    for name in resources.COMPUTE:
        asked, most = resources.pod_total(pod, name), quantity.parse(allocatable.get(name, "0"))
        if name in allocatable and asked > most:
            units = (int(asked * 1000), int(most * 1000)) if name == "cpu" else (int(asked), int(most))
            message = f"Node didn't have enough capacity: {name}, requested: {units[0]}, capacity: {units[1]}"
            return Pending("Infeasible", message)
    return None


def adopted(pod: Object, runtime: PodRuntime) -> dict[str, Amounts]:
    """What the API's status says the running containers have, by container id."""
    found = {}
    status = pod.get("status") or {}
    for group in ("initContainerStatuses", "containerStatuses"):
        for entry in status.get(group) or ():
            identity = entry.get("containerID", "").rpartition("/")[2]
            if runtime.by_id(identity) is not None and "resources" in entry:
                found[identity] = compute_resources(entry)
    return found
