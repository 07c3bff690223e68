"""All volumes of all pods of this node: set up before a pod starts, kept fresh, taken down after it ended."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steersman.api.errors import ApiError
from steersman.client.transport import ConnectionFailed
from steersman.kubelet.pods import spec
from steersman.kubelet.volumes import VOLUMES, mounts
from steersman.kubelet.volumes.plugin import Mountable, Outside, VolumeError, VolumePlugin
from steersman.runtime.tasks import to_thread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steersman.api.types import Object
    from steersman.kubelet.pods.fields import Addresses


@dataclass(frozen=True, slots=True)
class VolumeFailure:
    """One volume that is not ready, with the text of its FailedMount event."""

    volume: str
    message: str


@dataclass(slots=True)
class _Ready:
    paths: dict[str, str] = field(default_factory=dict)
    stale: bool = True
    wake: float = float("inf")
    shown: tuple[object, ...] = ()


class PodVolumes:
    """Volumes by pod uid; `root` holds `pods/<uid>/volumes/<plug-in>/<name>`."""

    def __init__(self, root: str, outside: Outside, plugins: Sequence[VolumePlugin] = VOLUMES) -> None:
        self._root = root
        self._outside = outside
        self._plugins = {plugin.field: plugin for plugin in plugins}
        self._pods: dict[str, _Ready] = {}

    def pod_directory(self, uid: str) -> str:
        return os.path.join(self._root, "pods", uid)

    def on_disk(self) -> set[str]:
        """Uids of the pods that have a directory."""
        top = os.path.join(self._root, "pods")
        return set(os.listdir(top)) if os.path.isdir(top) else set()

    def paths(self, uid: str) -> Mapping[str, str]:
        """Volume name to path on the node, of the volumes that are ready."""
        return self._pods[uid].paths if uid in self._pods else {}

    def mark_stale(self, uid: str) -> None:
        """Something a volume shows has changed: the next `set_up` writes it."""
        if uid in self._pods:
            self._pods[uid].stale = True

    def wake_at(self, uid: str) -> float:
        """Wall-clock time at which `set_up` is due again (a token grows old); infinite when never."""
        return self._pods[uid].wake if uid in self._pods else float("inf")

    async def set_up(
        self, pod: Object, addresses: Addresses, allocatable: Mapping[str, str], now: float
    ) -> list[VolumeFailure]:
        """Make every volume that a container mounts ready; what failed is returned, the rest stays ready.

        Costs nothing when nothing has changed since the last call.
        """
        uid = pod["metadata"]["uid"]
        ready = self._pods.setdefault(uid, _Ready())
        meta = pod["metadata"]
        shown = (meta.get("labels"), meta.get("annotations"))
        if not ready.stale and now < ready.wake and shown == ready.shown:
            return []
        ready.stale, ready.wake, ready.shown = False, float("inf"), shown
        failures = []
        wanted = mounted_names(pod)
        for volume in pod["spec"].get("volumes") or ():
            if volume["name"] not in wanted:
                continue
            try:
                ready.paths[volume["name"]] = await self._set_up_one(
                    pod, volume, addresses, allocatable, ready
                )
            except (VolumeError, ApiError, ConnectionFailed, OSError) as error:
                failures.append(
                    VolumeFailure(
                        volume["name"], f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}'
                    )
                )
        ready.stale = bool(failures)
        return failures

    async def _set_up_one(
        self,
        pod: Object,
        volume: Object,
        addresses: Addresses,
        allocatable: Mapping[str, str],
        ready: _Ready,
    ) -> str:
        name = volume["name"]
        kind = next((key for key in volume if key != "name"), "emptyDir")
        plugin = self._plugins.get(kind)
        if plugin is None:
            raise VolumeError(f"no volume plugin matched: {kind} is not supported")
        if name in ready.paths and not plugin.live:
            return ready.paths[name]

        def wake_at(when: float) -> None:
            ready.wake = min(ready.wake, when)

        directory = os.path.join(
            self.pod_directory(pod["metadata"]["uid"]), "volumes", plugin.directory, name
        )
        return await plugin.set_up(
            Mountable(
                pod=pod,
                name=name,
                source=volume.get(kind) or {},
                directory=directory,
                outside=self._outside,
                addresses=addresses,
                allocatable=allocatable,
                wake_at=wake_at,
            )
        )

    async def tear_down(self, uid: str) -> None:
        """Unmount and delete everything of a pod, its directory included. Raises: OSError (try again)."""
        await to_thread(mounts.remove_tree, self.pod_directory(uid))
        self._pods.pop(uid, None)


def mounted_names(pod: Object) -> set[str]:
    """Names of the volumes that at least one container mounts."""
    return {
        mount["name"]
        for container in spec.all_containers(pod)
        for mount in container.get("volumeMounts") or ()
    }
