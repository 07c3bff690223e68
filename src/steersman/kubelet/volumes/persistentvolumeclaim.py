"""persistentVolumeClaim: follow the claim to its volume and use that volume's path on the node.

Volumes of the kinds hostPath and local are known here; others are refused by name.
"""

from __future__ import annotations

import os
from typing import ClassVar

from steersman.api.kinds import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from steersman.kubelet.volumes import ownership
from steersman.kubelet.volumes.hostpath import check_type
from steersman.kubelet.volumes.plugin import Mountable, VolumeError


class PersistentVolumeClaim:
    field: ClassVar[str] = "persistentVolumeClaim"
    directory: ClassVar[str] = "kubernetes.io~local-volume"
    live: ClassVar[bool] = False

    async def set_up(self, volume: Mountable) -> str:
        name = volume.source["claimName"]
        claim = await volume.outside.fetch(PERSISTENT_VOLUME_CLAIMS, name, volume.namespace)
        if claim is None:
            raise VolumeError(f'persistentvolumeclaim "{name}" not found')
        bound = claim["spec"].get("volumeName")
        if not bound or (claim.get("status") or {}).get("phase") != "Bound":
            raise VolumeError(f'persistentvolumeclaim "{name}" is not bound')
        found = await volume.outside.fetch(PERSISTENT_VOLUMES, bound)
        if found is None:
            raise VolumeError(f'persistentvolume "{bound}" not found')
        path = _path(found["spec"], bound)
        if volume.fs_group is not None and found["spec"].get("local"):
            context = volume.pod["spec"].get("securityContext") or {}
            lazy = context.get("fsGroupChangePolicy") == "OnRootMismatch"
            ownership.give_to_group(path, volume.fs_group, only_root_mismatch=lazy)
        return path


def _path(spec: dict[str, dict[str, str]], name: str) -> str:
    if host := spec.get("hostPath"):
        check_type(host["path"], host.get("type") or "")
        return host["path"]
    if local := spec.get("local"):
        if not os.path.exists(local["path"]):
            raise VolumeError(f'path "{local["path"]}" does not exist')
        return local["path"]
    raise VolumeError(f'persistentvolume "{name}" has a source that this kubelet does not support')
