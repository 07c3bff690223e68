"""Taints: NoSchedule and NoExecute turn a pod away unless tolerated, PreferNoSchedule makes a node less
welcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

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
    rank_by_maximum,
)
from steersman.scheduler.tolerations import tolerated

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from steersman.scheduler.cluster import Cluster, Taint
    from steersman.scheduler.podinfo import Template

__all__ = ["TaintToleration"]

HARD = ("NoSchedule", "NoExecute")


class TaintToleration(FilterPlugin, ScorePlugin):
    """Nodes with equal taints share a profile, so the pod is compared with each set of taints once."""

    name: ClassVar[str] = "TaintToleration"
    weight: ClassVar[int] = 3
    events = frozenset((Event.NODE_ADDED, Event.NODE_TAINTS))

    def prepare_filter(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        """The first taint of each profile that turns the pod away, None where there is none."""
        found = [first_untolerated(pod, profile) for profile in cluster.taint_profiles]
        return found if any(found) else None

    def filter(self, state: list[Taint | None], cluster: Cluster, rows: RowSet) -> Mask:
        good = np.array([taint is None for taint in state], dtype=np.bool_)
        return good[cluster.taint_profile[rows]]

    def explain(self, state: list[Taint | None], cluster: Cluster, rows: Rows) -> list[Rejection]:
        profiles = cluster.taint_profile[rows]
        found = []
        for profile in np.unique(profiles).tolist():
            taint = state[profile]
            if taint is not None:
                reason = f"node(s) had untolerated taint {{{taint[0]}: {taint[1]}}}"
                found.append(Rejection(reason, rows[profiles == profile], resolvable=False))
        return found

    def prepare_score(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        """How many soft taints of each profile the pod does not tolerate."""
        tolerations = [t for t in pod.tolerations if t.get("effect") in (None, "", "PreferNoSchedule")]
        counts = [
            sum(t[2] == "PreferNoSchedule" and not tolerated(tolerations, t) for t in profile)
            for profile in cluster.taint_profiles
        ]
        return np.array(counts, dtype=np.float64) if any(counts) else None

    def score(self, state: NDArray[np.float64], cluster: Cluster, rows: RowSet) -> Scores:
        return state[cluster.taint_profile[rows]]

    def normalize(self, scores: Scores) -> Scores:
        return MAX_SCORE - rank_by_maximum(scores)


def first_untolerated(pod: Template, profile: tuple[Taint, ...]) -> Taint | None:
    return next((t for t in profile if t[2] in HARD and not tolerated(pod.tolerations, t)), None)
