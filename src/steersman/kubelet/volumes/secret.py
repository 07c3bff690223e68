"""secret: the keys of a Secret as files, live, kept in memory only (tmpfs)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, ClassVar

from steersman.api.kinds import SECRETS
from steersman.kubelet.volumes import content
from steersman.kubelet.volumes.mounts import mount_tmpfs
from steersman.kubelet.volumes.plugin import Mountable, VolumeError, base_mode

if TYPE_CHECKING:
    from steersman.api.types import Object


class Secret:
    field: ClassVar[str] = "secret"
    directory: ClassVar[str] = "kubernetes.io~secret"
    live: ClassVar[bool] = True

    async def set_up(self, volume: Mountable) -> str:
        named = {**volume.source, "name": volume.source.get("secretName", "")}
        payload = await secret_payload(volume, named, base_mode(volume.source))
        mount_tmpfs(volume.directory)
        content.write(volume.directory, payload, volume.fs_group)
        return volume.directory


async def secret_payload(volume: Mountable, source: Object, mode: int) -> content.Payload:
    """The files of a Secret source (`name`, `items`, `optional`). Raises: VolumeError when it is missing."""
    name, optional = source.get("name", ""), bool(source.get("optional"))
    found = await volume.outside.fetch(SECRETS, name, volume.namespace)
    if found is None:
        if optional:
            return {}
        raise VolumeError(f'secret "{name}" not found')
    data = {key: base64.b64decode(text) for key, text in (found.get("data") or {}).items()}
    return content.project(data, source, mode, optional)
