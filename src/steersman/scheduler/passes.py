"""From a pod to a node: one filter and score pass over all nodes.

What local plug-ins say about a row is kept per template (`Pass`) and refreshed only for the rows that
changed since the last pod of that template; plug-ins that look at other pods are asked each time.
`Evaluator.find` is pure apart from that cache: it changes nothing in the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from steersman.scheduler.framework import FilterPlugin, Memo, RowSet, ScorePlugin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steersman.scheduler.cluster import Cluster
    from steersman.scheduler.framework import Mask, Plugin, Rejection, Rows, Scores
    from steersman.scheduler.podinfo import Template

__all__ = ["Evaluator", "Found", "Turned"]

ALL = slice(None)


@dataclass(frozen=True, slots=True)
class Found:
    node: str


@dataclass(frozen=True, slots=True)
class Turned:
    """No node will do."""

    nodes: int
    """How many there are."""
    rejections: tuple[tuple[str, Rejection], ...]
    """(plug-in, rejection); together they cover every node."""

    @property
    def plugins(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.rejections)


@dataclass(slots=True)
class Pass:
    """What local plug-ins say of every row, for one template."""

    mask: Mask
    base: Scores
    """Weighted sum of the scores that need no normalisation."""
    raw: list[tuple[ScorePlugin, Scores]]
    """Scores that are normalised over the rows left, per pod."""
    filters: list[tuple[FilterPlugin, Any]]
    scorers: list[tuple[ScorePlugin, Any]]
    seen: int
    """Number of the first change not taken in."""
    node_version: int
    shape_version: int
    memo: Memo = field(default_factory=dict)


class Evaluator:
    """`choose` picks one of equally good rows, given how many there are."""

    PASS_LIMIT = 64
    """Templates whose pass is kept; each costs about 20 bytes a node."""

    def __init__(
        self, cluster: Cluster, plugins: Iterable[type[Plugin]], choose: Callable[[int], int]
    ) -> None:
        self.cluster = cluster
        self.plugins: tuple[Plugin, ...] = tuple(plugin() for plugin in plugins)
        self._choose = choose
        self._passes: dict[int, tuple[Template, Pass]] = {}
        filters = [p for p in self.plugins if isinstance(p, FilterPlugin)]
        scorers = [p for p in self.plugins if isinstance(p, ScorePlugin)]
        self._filters = filters
        self._local_filters = [p for p in filters if p.local]
        self._wide_filters = [p for p in filters if not p.local]
        self._local_scorers = [p for p in scorers if p.local]
        self._wide_scorers = [p for p in scorers if not p.local]

    def find(self, pod: Template) -> Found | Turned:
        cluster = self.cluster
        local = self._pass(pod)
        mask = local.mask
        for plugin in self._wide_filters:
            state = plugin.prepare_filter(pod, cluster, local.memo)
            if state is not None:
                mask = mask & plugin.filter(state, cluster, ALL)
        rows = np.flatnonzero(mask)
        if not len(rows):
            return self._turned(pod, local)
        if len(rows) == 1:
            return Found(cluster.names[rows[0]])
        scores = self._scores(pod, local, rows)
        best = np.flatnonzero(scores == scores.max())
        pick = best[self._choose(len(best))] if len(best) > 1 else best[0]
        return Found(cluster.names[rows[pick]])

    def fits(self, pod: Template, row: int) -> bool:
        """Would every filter let the pod onto this row as things stand? Nothing is cached."""
        return self.reason(pod, row) is None

    def reason(self, pod: Template, row: int) -> str | None:
        """Why the pod may not go onto this row as things stand; None when it may."""
        rows = np.array([row], dtype=np.intp)
        for plugin in self._filters:
            state = plugin.prepare_filter(pod, self.cluster, {})
            if state is not None and not plugin.filter(state, self.cluster, rows)[0]:
                return plugin.explain(state, self.cluster, rows)[0].reason
        return None if self.cluster.valid[row] else "node(s) are gone"

    def _scores(self, pod: Template, local: Pass, rows: Rows) -> Scores:
        total = local.base[rows]
        for plugin, raw in local.raw:
            total = total + plugin.weight * plugin.normalize(raw[rows])
        for plugin in self._wide_scorers:
            state = plugin.prepare_score(pod, self.cluster, local.memo)
            if state is not None:
                found = plugin.score(state, self.cluster, rows)
                total = total + plugin.weight * (plugin.normalize(found) if plugin.normalized else found)
        return total

    def _turned(self, pod: Template, local: Pass) -> Turned:
        left = np.flatnonzero(self.cluster.valid[: self.cluster.rows])
        nodes, found = len(left), []
        for plugin in self._filters:
            state = plugin.prepare_filter(pod, self.cluster, local.memo)
            if state is None or not len(left):
                continue
            passed = plugin.filter(state, self.cluster, left)
            bad, left = left[~passed], left[passed]
            if len(bad):
                found += [(plugin.name, rejection) for rejection in plugin.explain(state, self.cluster, bad)]
        return Turned(nodes, tuple(found))

    # --- the kept part ---

    def _pass(self, pod: Template) -> Pass:
        known = self._passes.pop(id(pod), None)
        kept = known[1] if known is not None else None
        if kept is None or not self._refresh(pod, kept):
            kept = self._make(pod)
        self._passes[id(pod)] = (pod, kept)
        if len(self._passes) > self.PASS_LIMIT:
            del self._passes[next(iter(self._passes))]
        return kept

    def _make(self, pod: Template) -> Pass:
        cluster, memo = self.cluster, Memo()
        filters, scorers = self._states(pod, memo)
        rows = cluster.rows
        made = Pass(
            mask=np.zeros(rows, dtype=np.bool_),
            base=np.zeros(rows, dtype=np.float64),
            raw=[(plugin, np.zeros(rows, dtype=np.float64)) for plugin, _ in scorers if plugin.normalized],
            filters=filters,
            scorers=scorers,
            seen=cluster.change_number,
            node_version=cluster.node_version,
            shape_version=cluster.shape_version,
            memo=memo,
        )
        self._fill(made, slice(0, rows))
        return made

    def _states(
        self, pod: Template, memo: Memo
    ) -> tuple[list[tuple[FilterPlugin, Any]], list[tuple[ScorePlugin, Any]]]:
        cluster = self.cluster
        filters = [(p, p.prepare_filter(pod, cluster, memo)) for p in self._local_filters]
        scorers = [(p, p.prepare_score(pod, cluster, memo)) for p in self._local_scorers]
        return [f for f in filters if f[1] is not None], [s for s in scorers if s[1] is not None]

    def _refresh(self, pod: Template, kept: Pass) -> bool:
        """Take in what changed; False when the pass must be made anew."""
        cluster = self.cluster
        if kept.node_version != cluster.node_version or kept.shape_version != cluster.shape_version:
            return False
        start = kept.seen - cluster.changes_base
        if start < 0 or len(cluster.changes) - start > cluster.rows:
            return False
        changed = set(cluster.changes[start:])
        if changed:
            self._fill(kept, np.fromiter(changed, dtype=np.intp, count=len(changed)))
            kept.seen = cluster.change_number
        return True

    def _fill(self, into: Pass, rows: RowSet) -> None:
        cluster = self.cluster
        mask = cluster.valid[: cluster.rows][rows].copy()
        for plugin, state in into.filters:
            mask &= plugin.filter(state, cluster, rows)
        into.mask[rows] = mask
        base = np.zeros(mask.shape, dtype=np.float64)
        raw = iter(into.raw)
        for scorer, state in into.scorers:
            found = scorer.score(state, cluster, rows)
            if scorer.normalized:
                next(raw)[1][rows] = found
            else:
                base += scorer.weight * found
        into.base[rows] = base
