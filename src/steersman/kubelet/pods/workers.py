"""The workers of a node's pods: one a uid, restarted when it fails, gone when its pod is.

The desired pods come from `sources.py`; what the runtime has beside them is an orphan and is removed.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from steersman.kubelet.cri.client import RuntimeCallFailed
from steersman.kubelet.pods.stopper import Stopper
from steersman.kubelet.pods.worker import PodWorker
from steersman.kubelet.volumes.mounts import remove_tree
from steersman.runtime.backoff import Backoff
from steersman.runtime.tasks import TaskGroup, to_thread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object
    from steersman.kubelet.pods.kit import Kit

log = logging.getLogger("steersman.kubelet.pods")


class Workers:
    """Pod workers by uid."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._workers: dict[str, PodWorker] = {}
        self._group: TaskGroup | None = None
        self._backoff = Backoff(1.0, cap=30.0, clock=kit.clock)

    async def run(self) -> None:
        """Hold the workers; cancelling leaves every container as it is."""
        async with TaskGroup() as group:
            self._group = group
            for worker in self._workers.values():
                group.spawn(self._supervise(worker), f"pod {worker.uid}")
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._group = None

    def pods(self) -> list[Object]:
        return [worker.pod for worker in self._workers.values()]

    def active(self) -> list[Object]:
        """The pods that run or may still run."""
        return [w.pod for w in self._workers.values() if w.takes_room]

    def get(self, uid: str) -> PodWorker | None:
        return self._workers.get(uid)

    def apply(self, pod: Object) -> None:
        """The pod is (still) wanted here, as it is now."""
        uid = pod["metadata"]["uid"]
        worker = self._workers.get(uid)
        if worker is not None:
            worker.update(pod)
            return
        worker = self._workers[uid] = PodWorker(self._kit, pod)
        if self._group is not None:
            self._group.spawn(self._supervise(worker), f"pod {uid}")

    def remove(self, uid: str) -> None:
        """The pod's object no longer exists."""
        if worker := self._workers.get(uid):
            worker.vanish()

    def wake(self, uid: str) -> None:
        if worker := self._workers.get(uid):
            worker.wake()

    async def _supervise(self, worker: PodWorker) -> None:
        while True:
            try:
                await worker.run()
                break
            except Exception:
                log.exception("pod %s: starting its worker again", worker.uid)
            await self._kit.clock.sleep(self._backoff.next(worker.uid))
        self._workers.pop(worker.uid, None)

    async def remove_orphans(self, wanted: Iterable[str]) -> None:
        """End and remove whatever belongs to a pod that is neither wanted nor being worked on."""
        known = set(wanted) | self._workers.keys()
        stopper = Stopper(self._kit)
        for uid, runtime in list(self._kit.cache.pods.items()):
            if uid in known or (await self._kit.cache.refresh(uid)).empty:
                continue
            log.info(
                "removing pod %s/%s (%s), which is no longer wanted", runtime.namespace, runtime.name, uid
            )
            try:
                await stopper.stop_orphan(runtime)
            except* RuntimeCallFailed as errors:
                log.warning("removing pod %s: %s", uid, errors.exceptions[0])
        gone = self._kit.cache.pods.keys() | known
        for uid in self._kit.volumes.on_disk() - gone:
            try:
                await to_thread(remove_tree, self._kit.volumes.pod_directory(uid))
            except OSError as error:
                log.warning("removing what is left of pod %s: %s", uid, error)
        for uid in self._kit.cgroups.pods() - gone:
            try:
                self._kit.cgroups.remove_pod(uid)
            except OSError as error:
                log.info("removing the cgroup of pod %s: %s", uid, error)
