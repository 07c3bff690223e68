"""The whole status of a pod: a pure function of the object, the runtime's records, and what is known
besides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steersman.api.times import rfc3339
from steersman.kubelet.pods import spec
from steersman.kubelet.pods.plan import usable_sandbox
from steersman.kubelet.pods.resources import qos_class
from steersman.kubelet.status import conditions
from steersman.kubelet.status.containers import container_statuses
from steersman.kubelet.status.phase import pod_phase

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.kubelet.cri.observed import PodRuntime
    from steersman.kubelet.status.facts import Facts

FINISHED = ("Succeeded", "Failed")
GROUPS = (
    ("initContainerStatuses", spec.init_containers),
    ("containerStatuses", spec.containers),
    ("ephemeralContainerStatuses", spec.ephemeral_containers),
)


def pod_status(pod: Object, runtime: PodRuntime, facts: Facts, now: float) -> Object:
    """The status the API should have, with the conditions of others kept."""
    present = pod.get("status") or {}
    if present.get("phase") in FINISHED:
        facts = replace(facts, terminal=True)
    status: Object = {}
    by_name: dict[str, Object] = {}
    for field, group in GROUPS:
        known = {entry["name"]: entry for entry in present.get(field) or ()}
        entries = container_statuses(pod, group(pod), runtime, facts, known)
        by_name |= {entry["name"]: entry for entry in entries}
        if entries:
            status[field] = entries
    status["phase"] = _phase(pod, present, by_name, facts)
    sandbox = usable_sandbox(pod, runtime)
    status |= _addresses(pod, sandbox.ips if sandbox else (), facts, present)
    status["startTime"] = present.get("startTime") or rfc3339(now)
    status["qosClass"] = present.get("qosClass") or qos_class(pod)
    generation = pod["metadata"].get("generation")
    if generation is not None:
        status["observedGeneration"] = generation
    sandbox_ready = sandbox is not None and not facts.terminal
    status["conditions"] = conditions.merge(
        conditions.pod_conditions(pod, status["phase"], by_name, sandbox_ready=sandbox_ready)
        + conditions.resize_pending(facts.resize),
        present.get("conditions") or [],
        rfc3339(now),
        generation,
    )
    if reason := facts.reason or present.get("reason"):
        status["reason"] = reason
    if message := facts.message or present.get("message"):
        status["message"] = message
    return status


def _phase(pod: Object, present: Object, by_name: dict[str, Object], facts: Facts) -> str:
    """The phase; a pod that has once succeeded or failed stays so."""
    if present.get("phase") in FINISHED:
        return str(present["phase"])
    if facts.reason:
        return "Failed"
    return pod_phase(pod, by_name, terminal=facts.terminal)


def _addresses(pod: Object, ips: tuple[str, ...], facts: Facts, present: Object) -> Object:
    found: dict[str, Any] = {}
    if facts.host_ips:
        found["hostIP"] = facts.host_ips[0]
        found["hostIPs"] = [{"ip": ip} for ip in facts.host_ips]
    if pod["spec"].get("hostNetwork"):
        ips = facts.host_ips
    if ips:
        found["podIP"] = ips[0]
        found["podIPs"] = [{"ip": ip} for ip in ips]
    elif present.get("podIP") and facts.terminal:
        found["podIP"], found["podIPs"] = present["podIP"], present.get("podIPs") or []
    return found
