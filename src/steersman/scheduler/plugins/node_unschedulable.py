"""Cordoned nodes take no pods, except those that tolerate the taint which goes with the cordon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from steersman.scheduler.framework import Event, FilterPlugin, Mask, Memo, Rejection, Rows, RowSet
from steersman.scheduler.tolerations import tolerated

if TYPE_CHECKING:
    from steersman.scheduler.cluster import Cluster
    from steersman.scheduler.podinfo import Template

__all__ = ["NodeUnschedulable"]

TAINT = ("node.kubernetes.io/unschedulable", "", "NoSchedule")


class NodeUnschedulable(FilterPlugin):
    name: ClassVar[str] = "NodeUnschedulable"
    events = frozenset((Event.NODE_ADDED, Event.NODE_CORDON, Event.NODE_TAINTS))

    def prepare_filter(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        return None if tolerated(pod.tolerations, TAINT) else True

    def filter(self, state: Any, cluster: Cluster, rows: RowSet) -> Mask:
        return ~cluster.cordoned[rows]

    def explain(self, state: Any, cluster: Cluster, rows: Rows) -> list[Rejection]:
        return [Rejection("node(s) were unschedulable", rows, resolvable=False)]
