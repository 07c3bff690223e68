"""Whether this node still has room for a pod that was bound to it (pure).

The scheduler has looked already; the kubelet looks again because two schedulers, or a user who writes
`nodeName`, may have given the same room away twice.  A refused pod fails; its controller makes another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api import quantity
from steersman.kubelet.pods import resources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steersman.api.types import Object

CHECKED = ("cpu", "memory", "ephemeral-storage")
UNITS = {"cpu": 1000}  # figures in messages are millicores and bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """Reason and message of the failed pod."""

    reason: str
    message: str


def refusal(pod: Object, others: Iterable[Object], allocatable: Mapping[str, str]) -> Refusal | None:
    """Why the node cannot take the pod beside the `others` that it has; None when it can."""
    present = list(others)
    most = quantity.value(allocatable.get("pods", "0"))
    if "pods" in allocatable and len(present) + 1 > most:
        return _short("pods", 1, len(present), most)
    for name in CHECKED:
        if name not in allocatable:
            continue
        asked, capacity = resources.pod_total(pod, name), quantity.parse(allocatable[name])
        used = sum(resources.pod_total(other, name) for other in present)
        if asked > 0 and asked + used > capacity:
            unit = UNITS.get(name, 1)
            return _short(name, int(asked * unit), int(used * unit), int(capacity * unit))
    return None


def _short(name: str, asked: int, used: int, capacity: int) -> Refusal:
    figures = f"requested: {asked}, used: {used}, capacity: {capacity}"
    return Refusal(f"OutOf{name}", f"Node didn't have enough resource: {name}, {figures}")
