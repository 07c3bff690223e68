"""projected: several sources in one directory, among them the service-account token, renewed in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from steersman.kubelet.pods import security, spec
from steersman.kubelet.volumes import content
from steersman.kubelet.volumes.configmap import config_map_payload
from steersman.kubelet.volumes.downwardapi import downward_payload
from steersman.kubelet.volumes.mounts import mount_tmpfs
from steersman.kubelet.volumes.plugin import Mountable, VolumeError, base_mode
from steersman.kubelet.volumes.secret import secret_payload

if TYPE_CHECKING:
    from steersman.api.types import Object

DEFAULT_TOKEN_SECONDS = 3600


class Projected:
    field: ClassVar[str] = "projected"
    directory: ClassVar[str] = "kubernetes.io~projected"
    live: ClassVar[bool] = True

    async def set_up(self, volume: Mountable) -> str:
        mode = base_mode(volume.source)
        payload: content.Payload = {}
        for source in volume.source.get("sources") or ():
            payload |= await _source(volume, source, mode)
        mount_tmpfs(volume.directory)
        content.write(volume.directory, payload, volume.fs_group)
        return volume.directory


async def _source(volume: Mountable, source: Object, mode: int) -> content.Payload:
    if part := source.get("configMap"):
        return await config_map_payload(volume, part, mode)
    if part := source.get("secret"):
        return await secret_payload(volume, part, mode)
    if part := source.get("downwardAPI"):
        return downward_payload(volume, part, mode)
    if part := source.get("serviceAccountToken"):
        return await _token(volume, part, mode)
    raise VolumeError(f"projected source {next(iter(source), '(empty)')} is not supported")


async def _token(volume: Mountable, source: Object, mode: int) -> content.Payload:
    seconds = int(source.get("expirationSeconds") or DEFAULT_TOKEN_SECONDS)
    token = await volume.outside.token(volume.pod, source.get("audience") or "", seconds)
    volume.wake_at(token.refresh)
    owner = sole_user(volume.pod)
    if owner is not None or volume.fs_group is not None:
        mode = 0o600
    return {content.checked(source["path"]): content.File(token.text.encode(), mode, owner)}


def sole_user(pod: Object) -> int | None:
    """The user id that all containers of the pod run as by its spec; None when they differ or do not say."""
    users = {security.effective(pod, container, "runAsUser") for container in spec.all_containers(pod)}
    only = users.pop() if len(users) == 1 else None
    return None if only is None else int(only)
