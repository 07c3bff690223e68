"""Pods that evicted others and wait for their place: nobody of lower or equal priority may take it
meanwhile."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.scheduler.cluster import Cluster
    from steersman.scheduler.podinfo import PodInfo

__all__ = ["Nominations"]


class Nominations:
    def __init__(self) -> None:
        self._pods: dict[str, PodInfo] = {}

    def set(self, pod: PodInfo, node: str) -> None:
        pod.nominated = node
        self._pods[pod.uid] = replace(pod, node=node)

    def remove(self, uid: str) -> None:
        self._pods.pop(uid, None)

    def node_of(self, uid: str) -> str:
        pod = self._pods.get(uid)
        return pod.node if pod is not None else ""

    @contextmanager
    def reserved(self, cluster: Cluster, pod: PodInfo) -> Iterator[None]:
        """Inside the block, pods that `pod` must not push aside are counted where they are nominated."""
        others = [
            p
            for p in self._pods.values()
            if p.uid != pod.uid and p.priority >= pod.priority and p.node in cluster.row_of
        ]
        placed = [p for p in others if p.uid not in cluster.pods]
        for other in placed:
            cluster.add_pod(other)
        try:
            yield
        finally:
            for other in placed:
                cluster.remove_pod(other.uid)
