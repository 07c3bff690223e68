"""The sentences of FailedScheduling events and of the PodScheduled condition."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.scheduler.passes import Turned

__all__ = ["NO_NODES", "histogram", "nodes_available", "preemption_note", "why_not"]

NO_NODES = "no nodes available to schedule pods"


def histogram(turned: Turned) -> Counter[str]:
    """How many nodes each reason turned away."""
    counted: Counter[str] = Counter()
    for _, rejection in turned.rejections:
        counted[rejection.reason] += len(rejection.rows)
    return counted


def nodes_available(nodes: int, reasons: Mapping[str, int]) -> str:
    """`0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`"""
    parts = sorted(f"{count} {reason}" for reason, count in reasons.items())
    return f"0/{nodes} nodes are available: {', '.join(parts)}."


def preemption_note(nodes: int, reasons: Mapping[str, int]) -> str:
    return f"preemption: {nodes_available(nodes, reasons)}"


def why_not(turned: Turned, note: str = "") -> str:
    """The whole message; `note` says what preemption found out."""
    if not turned.nodes:
        return NO_NODES
    message = nodes_available(turned.nodes, histogram(turned))
    return f"{message} {note}" if note else message
