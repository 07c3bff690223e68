"""configMap: the keys of a ConfigMap as files, live."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, ClassVar

from steersman.api.kinds import CONFIG_MAPS
from steersman.kubelet.volumes import content
from steersman.kubelet.volumes.plugin import Mountable, VolumeError, base_mode

if TYPE_CHECKING:
    from steersman.api.types import Object


class ConfigMap:
    field: ClassVar[str] = "configMap"
    directory: ClassVar[str] = "kubernetes.io~configmap"
    live: ClassVar[bool] = True

    async def set_up(self, volume: Mountable) -> str:
        payload = await config_map_payload(volume, volume.source, base_mode(volume.source))
        content.write(volume.directory, payload, volume.fs_group)
        return volume.directory


async def config_map_payload(volume: Mountable, source: Object, mode: int) -> content.Payload:
    """The files of a ConfigMap source. Raises: VolumeError when it is missing and not optional."""
    name, optional = source.get("name", ""), bool(source.get("optional"))
    found = await volume.outside.fetch(CONFIG_MAPS, name, volume.namespace)
    if found is None:
        if optional:
            return {}
        raise VolumeError(f'configmap "{name}" not found')
    data = {key: text.encode() for key, text in (found.get("data") or {}).items()}
    data |= {key: base64.b64decode(text) for key, text in (found.get("binaryData") or {}).items()}
    return content.project(data, source, mode, optional)
