"""Prefers nodes whose cpu and memory would be used to the same degree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steersman.scheduler import resources
from steersman.scheduler.framework import MAX_SCORE, Memo, RowSet, ScorePlugin, Scores

if TYPE_CHECKING:
    from steersman.scheduler.cluster import Cluster
    from steersman.scheduler.podinfo import Template

__all__ = ["NodeResourcesBalancedAllocation"]


class NodeResourcesBalancedAllocation(ScorePlugin):
    name: ClassVar[str] = "NodeResourcesBalancedAllocation"
    normalized: ClassVar[bool] = False

    def prepare_score(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        """A pod that asks for nothing changes no balance."""
        return None if pod.best_effort else pod.requests

    def score(self, state: dict[str, int], cluster: Cluster, rows: RowSet) -> Scores:
        """100 less the standard deviation of the two shares (half their difference)."""
        shares = []
        for name in (resources.CPU, resources.MEMORY):
            resource = cluster.resource[name]
            offered = np.maximum(cluster.allocatable[resource, rows], 1)
            shares.append(np.minimum((cluster.requested[resource, rows] + state.get(name, 0)) / offered, 1.0))
        deviation = np.abs(shares[0] - shares[1]) / 2
        scores: Scores = np.floor((1.0 - deviation) * MAX_SCORE)
        return scores
