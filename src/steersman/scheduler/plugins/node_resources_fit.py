"""Does the pod fit into what is left of a node, and which node would be left the emptiest
(LeastAllocated)?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from steersman.scheduler import resources
from steersman.scheduler.framework import (
    MAX_SCORE,
    Event,
    FilterPlugin,
    Mask,
    Memo,
    Rejection,
    Rows,
    RowSet,
    ScorePlugin,
    Scores,
)

if TYPE_CHECKING:
    from steersman.scheduler.cluster import Cluster
    from steersman.scheduler.podinfo import Template

__all__ = ["NodeResourcesFit"]

Wants = list[tuple[str, int, int]]
"""(resource, its row in the arrays, amount)"""


class NodeResourcesFit(FilterPlugin, ScorePlugin):
    name: ClassVar[str] = "NodeResourcesFit"
    normalized: ClassVar[bool] = False
    events = frozenset((Event.NODE_ADDED, Event.NODE_ALLOCATABLE, Event.POD_GONE, Event.POD_CHANGED))

    def prepare_filter(self, pod: Template, cluster: Cluster, memo: Memo) -> Wants:
        asked = [(name, amount) for name, amount in pod.requests.items() if amount]
        return [(name, cluster.resource_row(name), amount) for name, amount in (*asked, (resources.PODS, 1))]

    def filter(self, state: Wants, cluster: Cluster, rows: RowSet) -> Mask:
        fits: Mask | None = None
        for _, resource, amount in state:
            one = cluster.requested[resource, rows] + amount <= cluster.allocatable[resource, rows]
            fits = one if fits is None else fits & one
        assert fits is not None  # a pod always wants to be one pod
        return fits

    def explain(self, state: Wants, cluster: Cluster, rows: Rows) -> list[Rejection]:
        found = []
        for name, resource, amount in state:
            offered = cluster.allocatable[resource, rows]
            short = cluster.requested[resource, rows] + amount > offered
            reason = "Too many pods" if name == resources.PODS else f"Insufficient {name}"
            never = amount > offered
            for mask, resolvable in ((short & ~never, True), (short & never, False)):
                if mask.any():
                    found.append(Rejection(reason, rows[mask], resolvable))
        return found

    def prepare_score(self, pod: Template, cluster: Cluster, memo: Memo) -> tuple[int, int]:
        return pod.scoring

    def score(self, state: tuple[int, int], cluster: Cluster, rows: RowSet) -> Scores:
        """The share of cpu and memory that would be free, in hundredths, averaged over what the node
        offers."""
        total: Scores = np.zeros(cluster.valid[: cluster.rows][rows].shape, dtype=np.float64)
        parts = np.zeros(total.shape, dtype=np.float64)
        for i, name in enumerate((resources.CPU, resources.MEMORY)):
            offered = cluster.allocatable[cluster.resource[name], rows]
            left = offered - cluster.scoring[i, rows] - state[i]
            share = np.maximum(left, 0) * int(MAX_SCORE) // np.maximum(offered, 1)
            total += share
            parts += offered > 0
        scores: Scores = np.floor(total / np.maximum(parts, 1))
        return scores
