"""downwardAPI: the pod's own fields and resources as files, live for labels and annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from steersman.kubelet.pods import fields
from steersman.kubelet.volumes import content
from steersman.kubelet.volumes.plugin import Mountable, VolumeError, base_mode

if TYPE_CHECKING:
    from steersman.api.types import Object


class DownwardAPI:
    field: ClassVar[str] = "downwardAPI"
    directory: ClassVar[str] = "kubernetes.io~downward-api"
    live: ClassVar[bool] = True

    async def set_up(self, volume: Mountable) -> str:
        payload = downward_payload(volume, volume.source, base_mode(volume.source))
        content.write(volume.directory, payload, volume.fs_group)
        return volume.directory


def downward_payload(volume: Mountable, source: Object, mode: int) -> content.Payload:
    """The files of a downwardAPI source. Raises: VolumeError for a field that cannot be shown."""
    payload: content.Payload = {}
    for item in source.get("items") or ():
        own = item.get("mode")
        text = _text(volume, item)
        payload[content.checked(item["path"])] = content.File(
            text.encode(), mode if own is None else int(own)
        )
    return payload


def _text(volume: Mountable, item: Object) -> str:
    try:
        if ref := item.get("fieldRef"):
            return fields.field_value(volume.pod, ref["fieldPath"], volume.addresses)
        return fields.resource_value(volume.pod, item["resourceFieldRef"], volume.allocatable)
    except fields.FieldUnknown as error:
        raise VolumeError(str(error)) from error
