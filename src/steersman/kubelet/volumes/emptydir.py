"""emptyDir: a directory that lives as long as the pod; with medium Memory a tmpfs."""

from __future__ import annotations

import os
from typing import ClassVar

from steersman.api import quantity
from steersman.kubelet.pods import resources
from steersman.kubelet.volumes import ownership
from steersman.kubelet.volumes.mounts import mount_tmpfs
from steersman.kubelet.volumes.plugin import Mountable, VolumeError


class EmptyDir:
    field: ClassVar[str] = "emptyDir"
    directory: ClassVar[str] = "kubernetes.io~empty-dir"
    live: ClassVar[bool] = False

    async def set_up(self, volume: Mountable) -> str:
        medium = volume.source.get("medium") or ""
        if medium == "Memory":
            mount_tmpfs(volume.directory, _memory_size(volume))
        elif medium:
            raise VolumeError(f"unknown storage medium {medium!r}")
        new = not os.path.isdir(volume.directory) or medium == "Memory"
        os.makedirs(volume.directory, exist_ok=True)
        if new:
            os.chmod(volume.directory, 0o777)
        if volume.fs_group is not None:
            ownership.give_to_group(volume.directory, volume.fs_group)
        return volume.directory


def _memory_size(volume: Mountable) -> int | None:
    """The smaller of sizeLimit and the pod's memory limit, in bytes; None leaves the kernel's half of
    memory.
    """
    sizes = []
    if limit := volume.source.get("sizeLimit"):
        sizes.append(quantity.value(limit))
    if memory := resources.pod_limits(volume.pod).memory:
        sizes.append(memory)
    return min((size for size in sizes if size > 0), default=None)
