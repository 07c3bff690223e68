"""Housekeeping of the node: orphans, log rotation, unused images, eviction under pressure.

Each duty is one idempotent round; `run` makes the rounds, rarely, because nothing here is urgent.
"""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

import orjson

from steersman.kubelet import metrics
from steersman.kubelet.cri.client import RuntimeCallFailed
from steersman.kubelet.node import machine
from steersman.kubelet.pods import resources, spec

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.kubelet.config import KubeletConfig
    from steersman.kubelet.node.agent import NodeAgent
    from steersman.kubelet.pods.kit import Kit
    from steersman.kubelet.pods.sources import Sources
    from steersman.kubelet.pods.workers import Workers

log = logging.getLogger("steersman.kubelet.upkeep")

ROUND_SECONDS = 30.0
IMAGE_ROUNDS = 10  # images are looked at every tenth round
RANK = {"BestEffort": 0, "Burstable": 1, "Guaranteed": 2}


class Upkeep:
    def __init__(
        self, config: KubeletConfig, kit: Kit, workers: Workers, sources: Sources, node: NodeAgent
    ) -> None:
        self._config = config
        self._kit = kit
        self._workers = workers
        self._sources = sources
        self._node = node
        self._unused_since: dict[str, float] = {}

    async def run(self) -> None:
        rounds = 0
        while True:
            try:
                if self._sources.complete and self._kit.cache.relisted:
                    await self._workers.remove_orphans(self._sources.wanted())
                await self.rotate_logs()
                self.weigh()
                self.evict()
                if rounds % IMAGE_ROUNDS == IMAGE_ROUNDS - 1:
                    await self.remove_images()
                rounds += 1
            except RuntimeCallFailed as error:
                log.warning("upkeep: %s", error)
            await self._kit.clock.sleep(ROUND_SECONDS)

    async def rotate_logs(self) -> None:
        """Give every container whose log has grown too large a new file; drop the oldest."""
        for runtime in list(self._kit.cache.pods.values()):
            for one in runtime.running:
                if one.log_path and _size(one.log_path) > self._config.log_max_bytes:
                    os.rename(one.log_path, f"{one.log_path}.{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}")
                    await self._kit.runtime.reopen_log(one.id)
                    drop_oldest(one.log_path, self._config.log_max_files - 1)

    async def remove_images(self) -> None:
        """Remove the images that have been unused longest while the disk is too full."""
        filesystems = await self._kit.runtime.image_filesystems()
        if not filesystems:
            return
        path = filesystems[0].fs_id.mountpoint
        used = {one.image_id for runtime in self._kit.cache.pods.values() for one in runtime.containers}
        used.add(await self._sandbox_image())
        now = self._kit.clock.time()
        images = await self._kit.runtime.list_images()
        unused = [
            i for i in images if not i.pinned and i.id not in used and not used.intersection(i.repo_digests)
        ]
        self._unused_since = {i.id: self._unused_since.get(i.id, now) for i in unused}
        if self._enough_room(path, self._config.image_gc_high):
            return
        for image in sorted(unused, key=lambda i: self._unused_since[i.id]):
            log.info("removing unused image %s", next(iter(image.repo_tags), image.id))
            await self._kit.runtime.remove_image(image.id)
            if self._enough_room(path, self._config.image_gc_low):
                return
        message = "failed to garbage collect required amount of images"
        self._kit.recorder.event(self._node.reference, "Warning", "ImageGCFailed", message)

    def _enough_room(self, path: str, percent: int) -> bool:
        total, free, _, _ = machine.disk(path)
        return (total - free) * 100 <= total * percent or free >= self._config.image_gc_free

    async def _sandbox_image(self) -> str:
        """The id of the image that every sandbox runs, which no container mentions."""
        info = (await self._kit.runtime.status(verbose=True)).info
        name = orjson.loads(info.get("config") or "{}").get("sandboxImage", "")
        found = await self._kit.runtime.image_status(name) if name else None
        return str(found.id) if found is not None else ""

    def weigh(self) -> None:
        """Give burstable pods together the CPU weight of their requests."""
        milli = sum(
            int(resources.pod_total(pod, "cpu") * 1000)
            for pod in self._workers.pods()
            if resources.qos_class(pod) == "Burstable"
        )
        self._kit.cgroups.set_burstable(milli)

    def evict(self) -> None:
        """Under memory or disk pressure, end the pod that matters least (one a round)."""
        seen = self._node.seen
        if not (seen.memory_pressure or seen.disk_pressure):
            return
        resource = "memory" if seen.memory_pressure else "ephemeral-storage"
        candidates = [
            pod
            for pod in self._workers.pods()
            if not spec.is_critical(pod) and (pod.get("status") or {}).get("phase") == "Running"
        ]
        if not candidates:
            return
        victim = min(candidates, key=rank)
        worker = self._workers.get(victim["metadata"]["uid"])
        if worker is None or worker.ending:
            return
        message = f"The node was low on resource: {resource}. "
        self._kit.recorder.event(victim, "Warning", "Evicted", message)
        metrics.EVICTIONS.labels(resource).inc()
        worker.end("Evicted", message, grace=0)


def rank(pod: Object) -> tuple[int, int]:
    """The order of eviction: quality of service, then priority; the smallest goes first."""
    return RANK[resources.qos_class(pod)], int(pod["spec"].get("priority") or 0)


def drop_oldest(path: str, keep: int) -> None:
    """Delete rotated files of one log beyond the newest `keep`."""
    directory, name = os.path.split(path)
    rotated = sorted(entry for entry in os.listdir(directory) if entry.startswith(name + "."))
    for entry in rotated[: max(len(rotated) - keep, 0)]:
        os.unlink(os.path.join(directory, entry))


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
