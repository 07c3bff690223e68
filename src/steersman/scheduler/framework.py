"""What a scheduling plug-in is.

A plug-in filters nodes, scores them, or both, and does so for many nodes in one array operation:

    prepare_*   once a pod: read what the pod says; None when it says nothing to this plug-in
    filter      which of these rows will do
    explain     which rows will not, why, and whether removing pods could change it (asked only about a pod
    that found none) score       how good these rows are
    normalize   scores to 0..100, over the rows that passed every filter

`local` says that the answer for a row depends on that row and the pod alone. Answers of local plug-ins are
kept between pods with the same signature and refreshed for the rows that changed; others are asked for every
pod.

For an extension that thinks node by node, `PerNodePlugin` turns `fits` and `rate` into the array form.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.scheduler.cluster import Cluster
    from steersman.scheduler.podinfo import PodInfo, Template

__all__ = [
    "ALL_EVENTS",
    "MAX_SCORE",
    "Event",
    "FilterPlugin",
    "Mask",
    "Memo",
    "PerNodePlugin",
    "Plugin",
    "Rejection",
    "RowSet",
    "Rows",
    "ScorePlugin",
    "Scores",
    "rank_by_maximum",
]

Rows = NDArray[np.intp]
RowSet = Rows | slice
Mask = NDArray[np.bool_]
Scores = NDArray[np.float64]
Memo = dict[Any, Any]
"""A place for a plug-in to keep what depends on the pod's template and the Nodes only; emptied when a Node
changes."""

MAX_SCORE = 100.0


class Event(enum.Enum):
    """What happened to the cluster, as far as it may let a pod that found no node find one."""

    NODE_ADDED = enum.auto()
    NODE_ALLOCATABLE = enum.auto()
    NODE_LABELS = enum.auto()
    NODE_TAINTS = enum.auto()
    NODE_CORDON = enum.auto()
    NODE_GONE = enum.auto()
    POD_PLACED = enum.auto()
    POD_CHANGED = enum.auto()
    POD_GONE = enum.auto()
    NAMESPACE = enum.auto()


ALL_EVENTS = frozenset(Event)


class Rejection(NamedTuple):
    reason: str
    """As it is printed in FailedScheduling events."""
    rows: Rows
    resolvable: bool
    """Removing pods of lower priority could help."""


class Plugin(ABC):
    name: ClassVar[str]
    local: ClassVar[bool] = True


class FilterPlugin(Plugin):
    events: ClassVar[frozenset[Event]]
    """What may let a pod pass that this plug-in turned away."""

    @abstractmethod
    def prepare_filter(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        """What `filter` needs of the pod; None when every node will do."""

    @abstractmethod
    def filter(self, state: Any, cluster: Cluster, rows: RowSet) -> Mask:
        """True for the rows that will do; in the order of `rows`."""

    @abstractmethod
    def explain(self, state: Any, cluster: Cluster, rows: Rows) -> list[Rejection]:
        """Why `rows`, all of which `filter` turned away, will not do. A row may be in several."""


class ScorePlugin(Plugin):
    weight: ClassVar[int] = 1
    normalized: ClassVar[bool] = True
    """False: `score` is 0..100 as it is, and `normalize` is not called."""

    @abstractmethod
    def prepare_score(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        """What `score` needs of the pod; None when all nodes are equally good."""

    @abstractmethod
    def score(self, state: Any, cluster: Cluster, rows: RowSet) -> Scores:
        """A rating of each row, in the order of `rows`."""

    def normalize(self, scores: Scores) -> Scores:
        """Ratings of the rows that are left, as 0..100, larger is better."""
        return rank_by_maximum(scores)


class PerNodePlugin(FilterPlugin, ScorePlugin):
    """The per-node form: override `fits`, `rate`, or both. Slower by the number of nodes."""

    normalized: ClassVar[bool] = False
    events = ALL_EVENTS

    def fits(self, pod: Template, node: Object, pods: list[PodInfo]) -> str:
        """Empty when the node will do, else the reason."""
        return ""

    def rate(self, pod: Template, node: Object, pods: list[PodInfo]) -> float:
        """0..100."""
        return 0.0

    def prepare_filter(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        return pod

    def prepare_score(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        return pod

    def filter(self, state: Template, cluster: Cluster, rows: RowSet) -> Mask:
        return np.array(
            [not self._reason(state, cluster, row) for row in _each(rows, cluster)], dtype=np.bool_
        )

    def explain(self, state: Template, cluster: Cluster, rows: Rows) -> list[Rejection]:
        return [
            Rejection(self._reason(state, cluster, row), np.array([row], dtype=np.intp), resolvable=True)
            for row in rows.tolist()
        ]

    def score(self, state: Template, cluster: Cluster, rows: RowSet) -> Scores:
        found = []
        for row in _each(rows, cluster):
            node = cluster.nodes[row]
            found.append(0.0 if node is None else self.rate(state, node, list(cluster.pods_on[row].values())))
        return np.array(found, dtype=np.float64)

    def _reason(self, pod: Template, cluster: Cluster, row: int) -> str:
        node = cluster.nodes[row]
        return "" if node is None else self.fits(pod, node, list(cluster.pods_on[row].values()))


def _each(rows: RowSet, cluster: Cluster) -> list[int]:
    return list(range(cluster.rows)[rows]) if isinstance(rows, slice) else [int(row) for row in rows]


def rank_by_maximum(scores: Scores) -> Scores:
    """The largest becomes 100, others in proportion; all zero stays so."""
    highest = scores.max(initial=0.0)
    return np.floor(scores * (MAX_SCORE / highest)) if highest > 0 else scores
