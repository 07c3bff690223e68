"""Affinity and anti-affinity between pods: both what the pod asks for and what the pods already placed ask
of it.

`counts.py` keeps pods per node for every term in use; here they become pods per domain, one `bincount` a
term.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from steersman.scheduler.columns import sums_by_code
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
    from numpy.typing import NDArray

    from steersman.scheduler.cluster import Cluster
    from steersman.scheduler.podinfo import Template

__all__ = ["InterPodAffinity"]

HARD_AFFINITY_WEIGHT = 1
"""How much a placed pod's required affinity for this pod counts in the score."""


class Needs(NamedTuple):
    wanted: Mask | None
    """Rows in domains with the pods the pod needs; None when it needs none."""
    clear: Mask | None
    """Rows in domains free of the pods the pod keeps away from."""
    welcome: Mask | None
    """Rows in domains where no placed pod keeps away from this one."""


class InterPodAffinity(FilterPlugin, ScorePlugin):
    name: ClassVar[str] = "InterPodAffinity"
    local: ClassVar[bool] = False
    weight: ClassVar[int] = 2
    events = frozenset(
        (
            Event.NODE_ADDED,
            Event.NODE_LABELS,
            Event.POD_PLACED,
            Event.POD_CHANGED,
            Event.POD_GONE,
            Event.NAMESPACE,
        )
    )

    def prepare_filter(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        needs = Needs(wanted_rows(pod, cluster), clear_rows(pod, cluster), welcome_rows(pod, cluster))
        return needs if any(mask is not None for mask in needs) else None

    def filter(self, state: Needs, cluster: Cluster, rows: RowSet) -> Mask:
        fits: Mask | None = None
        for mask in state:
            if mask is not None:
                fits = mask[rows] if fits is None else fits & mask[rows]
        assert fits is not None  # prepare_filter gives at least one
        return fits

    def explain(self, state: Needs, cluster: Cluster, rows: Rows) -> list[Rejection]:
        reasons = (
            ("node(s) didn't match pod affinity rules", False),
            ("node(s) didn't match pod anti-affinity rules", True),
            ("node(s) didn't satisfy existing pods anti-affinity rules", True),
        )
        found = []
        for mask, (reason, resolvable) in zip(state, reasons, strict=True):
            if mask is not None and len(rows):
                bad = rows[~mask[rows]]
                rows = rows[mask[rows]]
                if len(bad):
                    found.append(Rejection(reason, bad, resolvable))
        return found

    def prepare_score(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        """Wishes of both sides as one number a row, or None when nobody wishes anything."""
        total: Scores | None = None
        for weight, term in pod.preferred:
            pods = cluster.matching_pods((term.match,), live_only=False)
            total = add(total, weight * in_domain(cluster, term.topology_key, pods))
        for kind in ("preferred", "affinity"):
            for count in cluster.counts.concerning(pod.namespace, pod.labels, kind):
                weight = count.carried.weight or HARD_AFFINITY_WEIGHT
                pods = count.per_node[: cluster.rows]
                total = add(total, weight * in_domain(cluster, count.carried.term.topology_key, pods))
        return total

    def score(self, state: Scores, cluster: Cluster, rows: RowSet) -> Scores:
        return state[rows]

    def normalize(self, scores: Scores) -> Scores:
        lowest = scores.min(initial=np.inf)
        span = scores.max(initial=-np.inf) - lowest
        return np.floor(MAX_SCORE * (scores - lowest) / span) if span > 0 else np.zeros_like(scores)


def add(total: Scores | None, part: Scores) -> Scores:
    return part if total is None else total + part


def in_domain(cluster: Cluster, key: str, per_node: NDArray[np.int64]) -> Scores:
    """For every row: the sum of `per_node` over the rows of its domain; 0 where the label is missing."""
    column = cluster.column(key)
    codes = column.codes[: cluster.rows]
    there = codes >= 0
    return sums_by_code(codes[there], per_node[there], len(column.values))[codes]


def wanted_rows(pod: Template, cluster: Cluster) -> Mask | None:
    """Every affinity term has a matching pod in the row's domain.

    The first pod of a group that wants its own kind is let through where nobody of that kind exists yet.
    """
    if not pod.affinity:
        return None
    matches = tuple(term.match for term in pod.affinity)
    pods = cluster.matching_pods(matches, live_only=False)
    labelled = np.ones(cluster.rows, dtype=np.bool_)
    found = np.ones(cluster.rows, dtype=np.bool_)
    for term in pod.affinity:
        labelled &= cluster.column(term.topology_key).codes[: cluster.rows] >= 0
        found &= in_domain(cluster, term.topology_key, pods) > 0
    if not pods.any() and all(
        m.matches(pod.namespace, pod.labels, lambda n: cluster.namespace_labels.get(n, {})) for m in matches
    ):
        return labelled
    return labelled & found


def clear_rows(pod: Template, cluster: Cluster) -> Mask | None:
    mask: Mask | None = None
    for term in pod.anti_affinity:
        pods = cluster.matching_pods((term.match,), live_only=False)
        free = in_domain(cluster, term.topology_key, pods) == 0
        mask = free if mask is None else mask & free
    return mask


def welcome_rows(pod: Template, cluster: Cluster) -> Mask | None:
    mask: Mask | None = None
    for count in cluster.counts.concerning(pod.namespace, pod.labels, "anti"):
        term = count.carried.term
        free = in_domain(cluster, term.topology_key, count.per_node[: cluster.rows]) == 0
        mask = free if mask is None else mask & free
    return mask
