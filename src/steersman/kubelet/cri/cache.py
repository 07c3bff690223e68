"""The last known state of every pod in the runtime, and who has changed since.

One relist costs exactly one ListPodSandbox and one ListContainers; the status of a container or sandbox is
asked for only when it is new or its state has changed, so an idle node makes two small calls a period.  Pod
workers call `refresh` after their own actions and so never wait for the next relist.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from steersman.kubelet.cri.client import Runtime, RuntimeNotFound
from steersman.kubelet.cri.observed import (
    POD_NAME,
    POD_NAMESPACE,
    POD_UID,
    Container,
    PodRuntime,
    Sandbox,
    container_from,
    sandbox_from,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


class RuntimeCache:
    """Pods in the runtime by uid; safe to use from many tasks of one loop."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._pods: dict[str, PodRuntime] = {}
        self._containers: dict[str, tuple[int, Container]] = {}
        self._sandboxes: dict[str, tuple[int, Sandbox]] = {}
        self.relisted: float = 0.0
        """Loop time of the last complete relist, for the health check."""

    @property
    def pods(self) -> dict[str, PodRuntime]:
        """Every pod the runtime had at the last relist or refresh, by uid; not to be changed."""
        return self._pods

    def get(self, uid: str) -> PodRuntime:
        return self._pods.get(uid) or PodRuntime(uid)

    async def relist(self) -> set[str]:
        """Look at everything; the uids of the pods that are not as they were."""
        sandboxes, containers = await asyncio.gather(
            self._runtime.list_sandboxes(), self._runtime.list_containers()
        )
        grouped = await self._group(sandboxes, containers)
        changed = {
            uid for uid in grouped.keys() | self._pods.keys() if grouped.get(uid) != self._pods.get(uid)
        }
        self._pods = grouped
        self._forget({item.id for item in sandboxes}, {item.id for item in containers})
        self.relisted = asyncio.get_running_loop().time()
        return changed

    async def refresh(self, uid: str) -> PodRuntime:
        """Look at one pod now."""
        only = {POD_UID: uid}
        sandboxes, containers = await asyncio.gather(
            self._runtime.list_sandboxes(only), self._runtime.list_containers(only)
        )
        pod = (await self._group(sandboxes, containers)).get(uid)
        if pod is None:
            self._pods.pop(uid, None)
            return PodRuntime(uid)
        self._pods[uid] = pod
        return pod

    async def _group(self, sandboxes: Iterable[Any], containers: Iterable[Any]) -> dict[str, PodRuntime]:
        records: dict[str, tuple[list[Sandbox], list[Container], Any]] = {}
        for item in sandboxes:
            if uid := item.labels.get(POD_UID):
                record = await self._sandbox(item)
                if record is not None:
                    records.setdefault(uid, ([], [], item.labels))[0].append(record)
        for item in containers:
            if uid := item.labels.get(POD_UID):
                known = await self._container(item)
                if known is not None:
                    records.setdefault(uid, ([], [], item.labels))[1].append(known)
        return {
            uid: PodRuntime(
                uid=uid,
                name=labels.get(POD_NAME, ""),
                namespace=labels.get(POD_NAMESPACE, ""),
                sandboxes=tuple(sorted(own, key=lambda s: s.created, reverse=True)),
                containers=tuple(sorted(inside, key=lambda c: (c.created, c.attempt), reverse=True)),
            )
            for uid, (own, inside, labels) in records.items()
        }

    async def _sandbox(self, item: Any) -> Sandbox | None:
        known = self._sandboxes.get(item.id)
        if known is not None and known[0] == item.state:
            return known[1]
        try:
            status = (await self._runtime.sandbox_status(item.id)).status
        except RuntimeNotFound:
            return None
        record = sandbox_from(item, status)
        self._sandboxes[item.id] = (item.state, record)
        return record

    async def _container(self, item: Any) -> Container | None:
        known = self._containers.get(item.id)
        if known is not None and known[0] == item.state:
            return known[1]
        try:
            status = (await self._runtime.container_status(item.id)).status
        except RuntimeNotFound:
            return None
        record = container_from(item, status)
        self._containers[item.id] = (status.state, record)
        return record

    def _forget(self, sandboxes: set[str], containers: set[str]) -> None:
        for gone in self._sandboxes.keys() - sandboxes:
            del self._sandboxes[gone]
        for gone in self._containers.keys() - containers:
            del self._containers[gone]
