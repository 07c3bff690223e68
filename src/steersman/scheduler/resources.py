"""What a pod asks for: the sum the scheduler compares with a node's allocatable resources.

Units: cpu in millicores, everything else in whole units or bytes, always rounded up.
Source: KEP-753 (side-cars) and the documented rule for init containers: the pod needs the larger of what its
containers and side-cars need together and what the heaviest step of its start needs, plus its overhead.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from steersman.api import quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from steersman.api.types import Object

__all__ = [
    "CPU",
    "DEFAULT_CPU",
    "DEFAULT_MEMORY",
    "EPHEMERAL",
    "MEMORY",
    "PODS",
    "amounts",
    "pod_requests",
    "scoring_requests",
]

CPU, MEMORY, EPHEMERAL, PODS = "cpu", "memory", "ephemeral-storage", "pods"
DEFAULT_CPU = 100
"""Millicores a container without a request counts for when nodes are compared (never when they are
filtered)."""
DEFAULT_MEMORY = 200 * 1024 * 1024
"""Bytes, likewise."""

Amounts = dict[str, int]


@lru_cache(maxsize=4096)
def _amount(resource: str, text: str) -> int:
    return quantity.milli(text) if resource == CPU else quantity.value(text)


def amounts(quantities: Mapping[str, str | int | float] | None) -> Amounts:
    """A resource list as integers. Raises: ValueError for a malformed quantity."""
    return {name: _amount(name, str(text)) for name, text in (quantities or {}).items()}


def pod_requests(spec: Object) -> Amounts:
    """Everything the pod needs on its node; `pods` is not in it.

    Raises: ValueError for a malformed quantity.
    """
    return _total(spec, lambda container: amounts(_requests(container)))


def scoring_requests(spec: Object) -> tuple[int, int]:
    """(millicores, bytes) for comparing nodes: containers that ask for nothing count with a default."""
    total = _total(spec, _with_defaults)
    return total.get(CPU, 0), total.get(MEMORY, 0)


def _requests(container: Object) -> Mapping[str, str]:
    requests: Mapping[str, str] = (container.get("resources") or {}).get("requests") or {}
    return requests


def _with_defaults(container: Object) -> Amounts:
    found = amounts({k: v for k, v in _requests(container).items() if k in (CPU, MEMORY)})
    found.setdefault(CPU, DEFAULT_CPU)
    found.setdefault(MEMORY, DEFAULT_MEMORY)
    return found


def _total(spec: Object, of: Callable[[Object], Amounts]) -> Amounts:
    running = _sum(of(c) for c in spec.get("containers") or ())
    sidecars: Amounts = {}
    start: Amounts = {}
    for container in spec.get("initContainers") or ():
        own = of(container)
        if container.get("restartPolicy") == "Always":
            sidecars = _sum((sidecars, own))
            start = _largest(start, sidecars)
        else:
            start = _largest(start, _sum((sidecars, own)))
    total = _largest(_sum((running, sidecars)), start)
    pod_level = (spec.get("resources") or {}).get("requests")
    if pod_level:
        total.update(amounts(pod_level))
    return _sum((total, amounts(spec.get("overhead"))))


def _sum(parts: Iterable[Amounts]) -> Amounts:
    total: Amounts = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, 0) + amount
    return total


def _largest(left: Amounts, right: Amounts) -> Amounts:
    return {name: max(left.get(name, 0), right.get(name, 0)) for name in (*left, *right)}
