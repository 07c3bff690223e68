"""The cluster as arrays: one row a node, one column a resource, kept up to date by deltas.

The event handlers and the scheduling loop, which run on one event loop and never overlap, are the only
callers. Rows are reused after their node and its last pod are gone. `changes` is a log of rows that changed,
so that a pass kept from an earlier pod of the same kind needs a second look only at those (`passes.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from steersman.scheduler import resources
from steersman.scheduler.columns import NAME_KEY, LabelColumn, LabelColumns
from steersman.scheduler.counts import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from steersman.api.types import Object
    from steersman.scheduler.podinfo import HostPort, PodInfo, Template
    from steersman.scheduler.terms import PodMatch

__all__ = ["ALL_ADDRESSES", "Cluster", "Taint"]

ALL_ADDRESSES = "0.0.0.0"

Taint = tuple[str, str, str]
"""(key, value, effect)."""

FIRST_CAPACITY = 64


class Cluster:
    """Nodes, and the pods placed on them (bound or assumed)."""

    def __init__(self) -> None:
        self.rows = 0
        """Rows ever in use; every array is read as `array[:rows]` or by row numbers below it."""
        self.row_of: dict[str, int] = {}
        self.names: list[str] = []
        self.nodes: list[Object | None] = []
        self.pods: dict[str, PodInfo] = {}
        """Placed pods by uid."""
        self.pods_on: list[dict[str, PodInfo]] = []
        self.resource: dict[str, int] = {name: i for i, name in enumerate(_FIXED)}
        """Row of `allocatable` and `requested` that holds a resource."""
        self.allocatable: NDArray[np.int64] = np.zeros((len(_FIXED), FIRST_CAPACITY), dtype=np.int64)
        self.requested: NDArray[np.int64] = np.zeros((len(_FIXED), FIRST_CAPACITY), dtype=np.int64)
        self.scoring: NDArray[np.int64] = np.zeros((2, FIRST_CAPACITY), dtype=np.int64)
        """Millicores and bytes that count when nodes are compared."""
        self.valid: NDArray[np.bool_] = np.zeros(FIRST_CAPACITY, dtype=np.bool_)
        self.cordoned: NDArray[np.bool_] = np.zeros(FIRST_CAPACITY, dtype=np.bool_)
        self.taint_profile: NDArray[np.int64] = np.zeros(FIRST_CAPACITY, dtype=np.int64)
        """Index into `taint_profiles`: nodes with equal taints share one."""
        self.taint_profiles: list[tuple[Taint, ...]] = [()]
        self.ports: dict[int, dict[HostPort, int]] = {}
        """Host ports in use, by row; the value counts the pods that have the port."""
        self.images: dict[str, dict[int, int]] = {}
        """Bytes of an image on the rows that have it."""
        self.namespace_labels: dict[str, Mapping[str, str]] = {}
        self.changes: list[int] = []
        self.changes_base = 0
        """Number of the first entry of `changes`; older ones were dropped."""
        self.node_version = 0
        """Grows with every change of a Node (not of pods)."""
        self.shape_version = 0
        """Grows when rows or resource columns are added."""
        self.counts = Counts(lambda namespace: self.namespace_labels.get(namespace, {}))
        self.counts.grow(FIRST_CAPACITY)
        self.default_match: Callable[[Template], PodMatch | None] = lambda template: None
        """The siblings of a pod that should be spread without having asked for it; None for a pod without
        any."""
        self._profile_ids: dict[tuple[Taint, ...], int] = {(): 0}
        self._labels = LabelColumns(self._labels_of)
        self._free_rows: list[int] = []

    @property
    def node_count(self) -> int:
        return int(np.count_nonzero(self.valid[: self.rows]))

    @property
    def change_number(self) -> int:
        return self.changes_base + len(self.changes)

    def column(self, key: str) -> LabelColumn:
        """The column of a node label (or of NAME_KEY)."""
        return self._labels.column(key, len(self.valid), self.rows)

    def resource_row(self, name: str) -> int:
        """The row of a resource; a resource no node offers gets one of zeros."""
        row = self.resource.get(name)
        if row is None:
            row = self.resource[name] = len(self.allocatable)
            zeros = np.zeros((1, len(self.valid)), dtype=np.int64)
            self.allocatable = np.concatenate((self.allocatable, zeros))
            self.requested = np.concatenate((self.requested, zeros))
            self.shape_version += 1
        return row

    def matching_pods(self, matches: tuple[PodMatch, ...], live_only: bool) -> NDArray[np.int64]:
        """Pods per row that satisfy all of `matches`; the live array, not to be written."""
        return self.counts.matching(matches, live_only, self.placed())[: self.rows]

    def placed(self) -> Iterator[tuple[PodInfo, int]]:
        for row, pods in enumerate(self.pods_on):
            for pod in pods.values():
                yield pod, row

    # --- nodes ---

    def set_node(self, node: Object) -> None:
        row = self._row(node["metadata"]["name"])
        old, self.nodes[row] = self.nodes[row], node
        status, spec = node.get("status") or {}, node.get("spec") or {}
        offered = resources.amounts(status.get("allocatable") or status.get("capacity"))
        for name in offered:
            self.resource_row(name)
        for name, resource_row in self.resource.items():
            self.allocatable[resource_row, row] = offered.get(name, 0)
        self.valid[row] = True
        self.cordoned[row] = bool(spec.get("unschedulable"))
        self.taint_profile[row] = self._profile(spec.get("taints") or [])
        self._set_images(row, old, node)
        self._node_changed(row)

    def remove_node(self, name: str) -> None:
        row = self.row_of.get(name)
        if row is None:
            return
        old, self.nodes[row] = self.nodes[row], None
        self.valid[row] = False
        self.allocatable[:, row] = 0
        self._set_images(row, old, {})
        self._node_changed(row)
        self._maybe_free(row)

    def set_namespace(self, name: str, labels: Mapping[str, str] | None) -> None:
        """Take over a namespace's labels; None when it is gone."""
        before = self.namespace_labels.pop(name, None)
        if labels is not None:
            self.namespace_labels[name] = labels
        if before != labels:
            self.counts.forget_namespaces()

    # --- pods ---

    def add_pod(self, pod: PodInfo) -> None:
        """Place `pod` on `pod.node`, instead of what was placed under its uid before. The node may come
        later."""
        self.remove_pod(pod.uid)
        row = self._row(pod.node)
        self.pods[pod.uid] = self.pods_on[row][pod.uid] = pod
        self._count(pod, row, 1)

    def remove_pod(self, uid: str) -> PodInfo | None:
        pod = self.pods.pop(uid, None)
        if pod is None:
            return None
        row = self.row_of[pod.node]
        del self.pods_on[row][uid]
        self._count(pod, row, -1)
        self._maybe_free(row)
        return pod

    def _count(self, pod: PodInfo, row: int, step: int) -> None:
        template = pod.template
        for name, amount in template.requests.items():
            resource_row = self.resource_row(name)
            self.requested[resource_row, row] += step * amount
        self.requested[_PODS_ROW, row] += step
        self.scoring[0, row] += step * template.scoring[0]
        self.scoring[1, row] += step * template.scoring[1]
        if template.host_ports:
            self._count_ports(row, template.host_ports, step)
        self.counts.change(pod, row, step)
        self._changed(row)

    def _count_ports(self, row: int, ports: frozenset[HostPort], step: int) -> None:
        used = self.ports.setdefault(row, {})
        for port in ports:
            used[port] = used.get(port, 0) + step
            if not used[port]:
                del used[port]
        if not used:
            del self.ports[row]

    # --- rows ---

    def _row(self, name: str) -> int:
        row = self.row_of.get(name)
        if row is not None:
            return row
        if self._free_rows:
            row = self._free_rows.pop()
        else:
            row = self.rows
            if row == len(self.valid):
                self._grow(2 * row)
            self.rows += 1
            self.names.append("")
            self.nodes.append(None)
            self.pods_on.append({})
        self.row_of[name], self.names[row] = row, name
        self.shape_version += 1
        return row

    def _maybe_free(self, row: int) -> None:
        if self.nodes[row] is None and not self.pods_on[row]:
            del self.row_of[self.names[row]]
            self._free_rows.append(row)

    def _grow(self, capacity: int) -> None:
        more = capacity - len(self.valid)
        self.allocatable = np.pad(self.allocatable, ((0, 0), (0, more)))
        self.requested = np.pad(self.requested, ((0, 0), (0, more)))
        self.scoring = np.pad(self.scoring, ((0, 0), (0, more)))
        self.valid = np.pad(self.valid, (0, more))
        self.cordoned = np.pad(self.cordoned, (0, more))
        self.taint_profile = np.pad(self.taint_profile, (0, more))
        self._labels.grow(capacity)
        self.counts.grow(capacity)

    def _node_changed(self, row: int) -> None:
        self._labels.update(row)
        self.node_version += 1
        self._changed(row)

    def _changed(self, row: int) -> None:
        self.changes.append(row)
        if len(self.changes) > 4 * self.rows + 4096:
            half = len(self.changes) // 2
            del self.changes[:half]
            self.changes_base += half

    def _labels_of(self, row: int) -> Mapping[str, str] | None:
        node = self.nodes[row]
        if node is None:
            return None
        return {**(node["metadata"].get("labels") or {}), NAME_KEY: node["metadata"]["name"]}

    def _profile(self, taints: list[Object]) -> int:
        profile = tuple((t["key"], t.get("value") or "", t["effect"]) for t in taints)
        known = self._profile_ids.get(profile)
        if known is None:
            known = self._profile_ids[profile] = len(self.taint_profiles)
            self.taint_profiles.append(profile)
        return known

    def _set_images(self, row: int, old: Object | None, new: Object) -> None:
        before = ((old or {}).get("status") or {}).get("images") or []
        after = (new.get("status") or {}).get("images") or []
        if before == after:
            return
        for image in before:
            for name in image.get("names") or ():
                holders = self.images.get(name, {})
                holders.pop(row, None)
                if not holders:
                    self.images.pop(name, None)
        for image in after:
            for name in image.get("names") or ():
                self.images.setdefault(name, {})[row] = image.get("sizeBytes") or 0


_FIXED = (resources.CPU, resources.MEMORY, resources.EPHEMERAL, resources.PODS)
_PODS_ROW = _FIXED.index(resources.PODS)
