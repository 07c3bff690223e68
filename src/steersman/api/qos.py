"""The quality-of-service class of a pod, which decides its cgroup and who is evicted first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from steersman.api import quantity

if TYPE_CHECKING:
    from steersman.api.types import Object

QOSClass = Literal["Guaranteed", "Burstable", "BestEffort"]
_COUNTED = ("cpu", "memory")


def qos_class(pod: Object) -> QOSClass:
    """Return the class that requests and limits of CPU and memory give the pod.

    Guaranteed: every container has limits for both and requests equal to them.  BestEffort: no container asks
    for or limits anything.  Pod-level resources, where given, count instead of the containers'.
    """
    spec = pod.get("spec") or {}
    own = spec.get("resources") or {}
    if own.get("limits") or own.get("requests"):
        parts = [own]
    else:
        containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
        parts = [container.get("resources") or {} for container in containers]
    if not any(_amounts(part, side) for part in parts for side in ("limits", "requests")):
        return "BestEffort"
    return "Guaranteed" if all(_is_fixed(part) for part in parts) else "Burstable"


def _amounts(part: Object, side: str) -> Object:
    found = part.get(side)
    if not found:
        return {}
    # The sign of a fraction is that of its numerator; comparing whole fractions is slow.
    return {
        name: found[name] for name in _COUNTED if name in found and quantity.parse(found[name]).numerator > 0
    }


def _is_fixed(part: Object) -> bool:
    limits = _amounts(part, "limits")
    if len(limits) < len(_COUNTED):
        return False
    requests = limits | _amounts(part, "requests")
    return all(quantity.parse(requests[name]) == quantity.parse(amount) for name, amount in limits.items())
