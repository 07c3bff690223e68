"""`nodeSelector` and node affinity: requirements on a node's labels and name, needed or wished for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steersman.scheduler.columns import NAME_KEY
from steersman.scheduler.framework import (
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
    from collections.abc import Iterator

    from steersman.api.types import Object
    from steersman.scheduler.cluster import Cluster
    from steersman.scheduler.podinfo import Template

__all__ = ["NodeAffinity", "required_mask"]

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class NodeAffinity(FilterPlugin, ScorePlugin):
    name: ClassVar[str] = "NodeAffinity"
    weight: ClassVar[int] = 2
    events = frozenset((Event.NODE_ADDED, Event.NODE_LABELS))

    def prepare_filter(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        return pod if pod.node_selector or pod.node_affinity.get(REQUIRED) else None

    def filter(self, state: Template, cluster: Cluster, rows: RowSet) -> Mask:
        return required_mask(state, cluster, rows)

    def explain(self, state: Template, cluster: Cluster, rows: Rows) -> list[Rejection]:
        return [Rejection("node(s) didn't match Pod's node affinity/selector", rows, resolvable=False)]

    def prepare_score(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        return pod.node_affinity.get(PREFERRED) or None

    def score(self, state: list[Object], cluster: Cluster, rows: RowSet) -> Scores:
        total = np.zeros(cluster.valid[: cluster.rows][rows].shape, dtype=np.float64)
        for wish in state:
            total += wish["weight"] * term_mask(wish.get("preference") or {}, cluster, rows)
        return total


def required_mask(pod: Template, cluster: Cluster, rows: RowSet) -> Mask:
    """True for the rows that the pod's selector and required node affinity allow."""
    mask = np.ones(cluster.valid[: cluster.rows][rows].shape, dtype=np.bool_)
    for key, value in pod.node_selector.items():
        mask &= requirement_mask(cluster, key, "In", [value], rows)
    required = pod.node_affinity.get(REQUIRED)
    if required:
        mask &= any_term_mask(required.get("nodeSelectorTerms") or [], cluster, rows)
    return mask


def any_term_mask(terms: list[Object], cluster: Cluster, rows: RowSet) -> Mask:
    mask = np.zeros(cluster.valid[: cluster.rows][rows].shape, dtype=np.bool_)
    for term in terms:
        mask |= term_mask(term, cluster, rows)
    return mask


def term_mask(term: Object, cluster: Cluster, rows: RowSet) -> Mask:
    """All requirements of one term hold; a term without any matches nothing."""
    mask: Mask | None = None
    for key, operator, values in requirements(term):
        one = requirement_mask(cluster, key, operator, values, rows)
        mask = one if mask is None else mask & one
    return np.zeros(cluster.valid[: cluster.rows][rows].shape, dtype=np.bool_) if mask is None else mask


def requirements(term: Object) -> Iterator[tuple[str, str, list[str]]]:
    for expression in term.get("matchExpressions") or ():
        yield expression["key"], expression["operator"], expression.get("values") or []
    for expression in term.get("matchFields") or ():
        key = NAME_KEY if expression["key"] == "metadata.name" else f"\0{expression['key']}"
        yield key, expression["operator"], expression.get("values") or []


def requirement_mask(cluster: Cluster, key: str, operator: str, values: list[str], rows: RowSet) -> Mask:
    column = cluster.column(key)
    codes = column.codes[: cluster.rows][rows]
    if operator in ("In", "NotIn"):
        wanted = [code for code in map(column.code, values) if code >= 0]
        found = codes == wanted[0] if len(wanted) == 1 else np.isin(codes, wanted)
        return found if operator == "In" else ~found
    if operator == "Exists":
        return codes >= 0
    if operator == "DoesNotExist":
        return codes < 0
    if operator in ("Gt", "Lt"):
        table = [_compares(value, operator, values) for value in column.values]
        return np.array([*table, False], dtype=np.bool_)[codes]
    return np.zeros(codes.shape, dtype=np.bool_)


def _compares(value: str, operator: str, bound: list[str]) -> bool:
    """Values that are not integers match neither way."""
    try:
        left, right = int(value), int(bound[0])
    except (ValueError, IndexError):
        return False
    return left > right if operator == "Gt" else left < right
