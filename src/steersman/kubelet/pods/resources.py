"""Requests and limits of a pod as QoS class, cgroup settings and OOM score.

Source of the conversions: the cgroup documentation of the kubelet (1024 shares a CPU, 100 ms CFS period,
quota at least 1 ms) and the OOM score table of "Node-pressure Eviction".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from steersman.api import quantity
from steersman.kubelet.pods import spec
from steersman.wire.cri import cri_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steersman.api.types import Object

QOSClass = Literal["Guaranteed", "Burstable", "BestEffort"]

CPU_PERIOD = 100_000  # microseconds
MIN_QUOTA = 1_000  # microseconds: the kernel refuses less
MIN_SHARES = 2
MAX_SHARES = 262_144
COMPUTE = ("cpu", "memory")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a cgroup is set to; None leaves the kernel's default."""

    cpu_shares: int = MIN_SHARES
    cpu_quota: int | None = None
    memory: int | None = None


def amounts(container: Object, kind: str) -> Mapping[str, Any]:
    """`requests` or `limits` of a container (or of a pod's own resources)."""
    return (container.get("resources") or {}).get(kind) or {}


def request(container: Object, resource: str) -> Any:
    """The request, which is the limit when only that is given; "0" when neither."""
    asked = amounts(container, "requests").get(resource)
    return asked if asked is not None else amounts(container, "limits").get(resource, "0")


def qos_class(pod: Object) -> QOSClass:
    """The quality of service of a pod, from CPU and memory of its containers and init containers."""
    own = pod["spec"].get("resources")
    parts = [{"resources": own}] if own else [*spec.init_containers(pod), *spec.containers(pod)]
    asked = (amounts(c, kind).get(r) for c in parts for kind in ("requests", "limits") for r in COMPUTE)
    if not any(map(_positive, asked)):
        return "BestEffort"
    guaranteed = all(_pinned(c, r) for c in parts for r in COMPUTE)
    return "Guaranteed" if guaranteed else "Burstable"


def _pinned(container: Object, resource: str) -> bool:
    """True when the request is the limit and there is one."""
    limit = amounts(container, "limits").get(resource)
    return (
        limit is not None
        and _positive(limit)
        and quantity.parse(request(container, resource)) == quantity.parse(limit)
    )


def _positive(amount: Any) -> bool:
    return amount is not None and quantity.parse(amount) > 0


def shares(milli: int) -> int:
    """CPU shares of a request in millicores."""
    return min(max(milli * 1024 // 1000, MIN_SHARES), MAX_SHARES) if milli else MIN_SHARES


def quota(milli: int) -> int | None:
    """CFS quota in microseconds of a limit in millicores; None without a limit."""
    return max(milli * CPU_PERIOD // 1000, MIN_QUOTA) if milli else None


def oom_score(pod: Object, container: Object, node_memory: int, floor: int = -1000) -> int:
    """The OOM score adjustment; `floor` is the lowest that this kubelet may set."""
    quality = qos_class(pod)
    if quality == "Guaranteed" or spec.is_critical(pod):
        return max(-997, floor)
    if quality == "BestEffort":
        return 1000
    asked = quantity.value(request(container, "memory"))
    score = 1000 - 1000 * asked // max(node_memory, 1)
    return max(min(max(score, 3), 999), floor)


def container_resources(pod: Object, container: Object, node_memory: int, floor: int = -1000) -> Any:
    """LinuxContainerResources of one container."""
    limits = amounts(container, "limits")
    cpu = quantity.milli(limits.get("cpu", "0"))
    result = pb.LinuxContainerResources(
        cpu_shares=shares(quantity.milli(request(container, "cpu"))),
        cpu_period=CPU_PERIOD,
        oom_score_adj=oom_score(pod, container, node_memory, floor),
        memory_limit_in_bytes=quantity.value(limits.get("memory", "0")),
    )
    if (limited := quota(cpu)) is not None:
        result.cpu_quota = limited
    return result


def pod_total(pod: Object, resource: str, kind: str = "requests") -> Any:
    """The pod's effective amount: containers and sidecars together, or the largest init step if that is more.

    Returns a Fraction (cores or bytes).
    """
    own = ((pod["spec"].get("resources") or {}).get(kind) or {}).get(resource)
    if own is not None:
        return quantity.parse(own)
    running = sum(_amount(c, resource, kind) for c in spec.containers(pod))
    sidecars = quantity.parse("0")
    peak = quantity.parse("0")
    for init in spec.init_containers(pod):
        if spec.is_sidecar(init):
            sidecars += _amount(init, resource, kind)
            peak = max(peak, sidecars)
        else:
            peak = max(peak, sidecars + _amount(init, resource, kind))
    overhead = quantity.parse((pod["spec"].get("overhead") or {}).get(resource, "0"))
    return max(running + sidecars, peak) + overhead


def _amount(container: Object, resource: str, kind: str) -> Any:
    found = (
        request(container, resource)
        if kind == "requests"
        else amounts(container, "limits").get(resource, "0")
    )
    return quantity.parse(found)


def pod_limits(pod: Object) -> Limits:
    """The pod's own cgroup: shares of all requests; limits only where every container has one."""
    everyone = [*(c for c in spec.init_containers(pod)), *spec.containers(pod)]
    milli = int(pod_total(pod, "cpu") * 1000)
    cpu = int(pod_total(pod, "cpu", "limits") * 1000) if _all_limited(pod, everyone, "cpu") else 0
    memory = int(pod_total(pod, "memory", "limits")) if _all_limited(pod, everyone, "memory") else 0
    return Limits(cpu_shares=shares(milli), cpu_quota=quota(cpu), memory=memory or None)


def _all_limited(pod: Object, everyone: Iterable[Object], resource: str) -> bool:
    if resource in ((pod["spec"].get("resources") or {}).get("limits") or {}):
        return True
    return all(_positive(amounts(c, "limits").get(resource)) for c in everyone)
