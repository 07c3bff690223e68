"""Topology spread constraints: keep a pod's siblings evenly over zones, hosts or any other domain.

Hard constraints filter, soft ones score. A pod without constraints of its own is spread softly over hosts
and zones, by what its Services and its controller select.
Source: KEP-895, KEP-3022 (minDomains), KEP-3094 (inclusion policies), KEP-3243 (matchLabelKeys).
"""

from __future__ import annotations

import math
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
from steersman.scheduler.plugins.node_affinity import required_mask
from steersman.scheduler.plugins.taint_toleration import first_untolerated
from steersman.scheduler.terms import SpreadConstraint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from steersman.scheduler.cluster import Cluster
    from steersman.scheduler.podinfo import Template

__all__ = ["DEFAULT_CONSTRAINTS", "PodTopologySpread"]

HOSTNAME = "kubernetes.io/hostname"
DEFAULT_CONSTRAINTS = ((HOSTNAME, 3), ("topology.kubernetes.io/zone", 5))
"""(topology key, maxSkew) of the soft constraints every Service and workload gets."""

ALL = slice(None)


class Hard(NamedTuple):
    """One hard constraint, ready to be compared with rows."""

    codes: NDArray[np.int64]
    counts: NDArray[np.float64]
    """Matching pods by domain."""
    room: float
    """A domain with at most this many matching pods takes one more."""


class Soft(NamedTuple):
    constraints: tuple[SpreadConstraint, ...]
    eligible: list[Mask]
    strict: bool
    """The pod asked for the constraints itself: a node without one of the labels counts for nothing."""


class PodTopologySpread(FilterPlugin, ScorePlugin):
    name: ClassVar[str] = "PodTopologySpread"
    local: ClassVar[bool] = False
    weight: ClassVar[int] = 2
    events = frozenset(
        (
            Event.NODE_ADDED,
            Event.NODE_GONE,
            Event.NODE_LABELS,
            Event.NODE_TAINTS,
            Event.POD_PLACED,
            Event.POD_CHANGED,
            Event.POD_GONE,
        )
    )

    def prepare_filter(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        hard = tuple(c for c in pod.spread if c.hard)
        if not hard:
            return None
        eligible = memo.get("spread.hard")
        if eligible is None:
            eligible = memo["spread.hard"] = [eligible_rows(pod, c, hard, cluster) for c in hard]
        return [ready(pod, c, mask, cluster) for c, mask in zip(hard, eligible, strict=True)]

    def filter(self, state: list[Hard], cluster: Cluster, rows: RowSet) -> Mask:
        fits: Mask | None = None
        for constraint in state:
            codes = constraint.codes[rows]
            one = (codes >= 0) & (constraint.counts[codes] <= constraint.room)
            fits = one if fits is None else fits & one
        assert fits is not None  # prepare_filter gives at least one
        return fits

    def explain(self, state: list[Hard], cluster: Cluster, rows: Rows) -> list[Rejection]:
        missing = np.zeros(rows.shape, dtype=np.bool_)
        for constraint in state:
            missing |= constraint.codes[rows] < 0
        reason = "node(s) didn't match pod topology spread constraints"
        found = []
        if missing.any():
            found.append(Rejection(f"{reason} (missing required label)", rows[missing], resolvable=False))
        if not missing.all():
            found.append(Rejection(reason, rows[~missing], resolvable=True))
        return found

    def prepare_score(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        soft, strict = tuple(c for c in pod.spread if not c.hard), True
        if not pod.spread:
            soft, strict = default_constraints(pod, cluster), False
        if not soft:
            return None
        key = ("spread.soft", soft)
        eligible = memo.get(key)
        if eligible is None:
            needed = soft if strict else ()
            eligible = memo[key] = [eligible_rows(pod, c, needed, cluster) for c in soft]
        return Soft(soft, eligible, strict)

    def score(self, state: Soft, cluster: Cluster, rows: RowSet) -> Scores:
        """Matching pods in the row's domains, rarer domains weighing more; NaN for a row that cannot be
        compared."""
        total = np.zeros(cluster.valid[: cluster.rows][rows].shape, dtype=np.float64)
        missing = np.zeros(total.shape, dtype=np.bool_)
        for constraint, eligible in zip(state.constraints, state.eligible, strict=True):
            column = cluster.column(constraint.topology_key)
            codes = column.codes[: cluster.rows]
            counts = domain_counts(constraint, eligible, cluster)
            here = codes[rows]
            domains = np.count_nonzero(here >= 0) if constraint.topology_key == HOSTNAME else distinct(here)
            part = counts[here] * math.log(domains + 2) + (constraint.max_skew - 1)
            total += np.where(here >= 0, part, 0.0)
            missing |= here < 0
        if state.strict:
            total[missing] = np.nan
        return np.rint(total)

    def normalize(self, scores: Scores) -> Scores:
        """The fewest matching pods is the best; rows that cannot be compared get nothing."""
        known = ~np.isnan(scores)
        if not known.any():
            return np.zeros_like(scores)
        most, least = scores[known].max(), scores[known].min()
        if most == 0:
            return np.where(known, MAX_SCORE, 0.0)
        return np.where(known, np.floor(MAX_SCORE * (most + least - np.nan_to_num(scores)) / most), 0.0)


def eligible_rows(
    pod: Template, constraint: SpreadConstraint, needed: tuple[SpreadConstraint, ...], cluster: Cluster
) -> Mask:
    """Rows whose pods are counted: they have the labels of all `needed`, and the constraint's policies admit
    them."""
    mask = cluster.valid[: cluster.rows].copy()
    for other in (*needed, constraint):
        mask &= cluster.column(other.topology_key).codes[: cluster.rows] >= 0
    if constraint.honor_affinity:
        mask &= required_mask(pod, cluster, ALL)
    if constraint.honor_taints:
        good = [first_untolerated(pod, profile) is None for profile in cluster.taint_profiles]
        mask &= np.array(good, dtype=np.bool_)[cluster.taint_profile[: cluster.rows]]
    return mask


def domain_counts(constraint: SpreadConstraint, eligible: Mask, cluster: Cluster) -> NDArray[np.float64]:
    """Matching pods by domain code; one more entry, of zero, answers for rows without the label (code -1)."""
    column = cluster.column(constraint.topology_key)
    pods = cluster.matching_pods((constraint.match,), live_only=True)
    codes = column.codes[: cluster.rows]
    return sums_by_code(codes[eligible], pods[eligible], len(column.values))


def ready(pod: Template, constraint: SpreadConstraint, eligible: Mask, cluster: Cluster) -> Hard:
    column = cluster.column(constraint.topology_key)
    codes = column.codes[: cluster.rows]
    counts = domain_counts(constraint, eligible, cluster)
    present = np.bincount(codes[eligible], minlength=len(column.values) + 1) > 0
    fewest = counts[present].min() if np.count_nonzero(present) >= max(constraint.min_domains, 1) else 0.0
    itself = 1 if constraint.match.selector.matches(pod.labels) else 0
    return Hard(codes, counts, float(fewest) + constraint.max_skew - itself)


def default_constraints(pod: Template, cluster: Cluster) -> tuple[SpreadConstraint, ...]:
    match = cluster.default_match(pod)
    if match is None:
        return ()
    return tuple(SpreadConstraint(key, match, skew, hard=False) for key, skew in DEFAULT_CONSTRAINTS)


def distinct(codes: NDArray[np.int64]) -> int:
    return int(np.count_nonzero(np.bincount(codes[codes >= 0])))
