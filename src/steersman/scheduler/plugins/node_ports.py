"""A host port goes to one pod of a node: the same protocol, port and an overlapping host address collide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from steersman.scheduler.cluster import ALL_ADDRESSES
from steersman.scheduler.framework import Event, FilterPlugin, Mask, Memo, Rejection, Rows, RowSet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.scheduler.cluster import Cluster
    from steersman.scheduler.podinfo import HostPort, Template

__all__ = ["NodePorts"]


class NodePorts(FilterPlugin):
    name: ClassVar[str] = "NodePorts"
    events = frozenset((Event.NODE_ADDED, Event.POD_GONE))

    def prepare_filter(self, pod: Template, cluster: Cluster, memo: Memo) -> Any:
        return pod.host_ports or None

    def filter(self, state: frozenset[HostPort], cluster: Cluster, rows: RowSet) -> Mask:
        free = np.ones(cluster.rows, dtype=np.bool_)
        for row, used in cluster.ports.items():
            free[row] = not collide(state, used)
        return free[rows]

    def explain(self, state: Any, cluster: Cluster, rows: Rows) -> list[Rejection]:
        reason = "node(s) didn't have free ports for the requested pod ports"
        return [Rejection(reason, rows, resolvable=True)]


def collide(wanted: Iterable[HostPort], used: Iterable[HostPort]) -> bool:
    taken = {(protocol, port): set[str]() for _, protocol, port in used}
    for address, protocol, port in used:
        taken[protocol, port].add(address)
    for address, protocol, port in wanted:
        addresses = taken.get((protocol, port))
        if addresses and (address == ALL_ADDRESSES or address in addresses or ALL_ADDRESSES in addresses):
            return True
    return False
