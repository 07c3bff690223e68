"""Finalizers that keep storage in use: a claim that a pod uses, a volume that a claim has, is not removed.

`kubernetes.io/pvc-protection` and `kubernetes.io/pv-protection` are put by these controllers when the API
server has not put them already, and taken away when the object is being deleted and no longer used. Source:
k8s pkg/controller/volume/{pvcprotection,pvprotection}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import NotFound
from steersman.controllers import pods
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from steersman.api.kinds import Resource
    from steersman.api.types import Object

__all__ = ["PVCProtectionController", "PVProtectionController", "claims_of"]

_CLAIM = "kubernetes.io/pvc-protection"
_VOLUME = "kubernetes.io/pv-protection"


def claims_of(pod: Object) -> list[str]:
    """`namespace/name` of the claims a pod uses, those made for its ephemeral volumes included."""
    space, found = meta.namespace(pod), []
    for volume in pod["spec"].get("volumes") or ():
        if volume.get("persistentVolumeClaim"):
            found.append(f"{space}/{volume['persistentVolumeClaim']['claimName']}")
        elif volume.get("ephemeral"):
            found.append(f"{space}/{meta.name(pod)}-{volume['name']}")
    return found


class _Protection(Controller):
    """What the two have in common: one finalizer on one kind."""

    finalizer = ""

    async def _put(self, resource: Resource, obj: Object, used: bool) -> None:
        finalizers = obj["metadata"].get("finalizers") or []
        if meta.deleting(obj):
            if used or self.finalizer not in finalizers:
                return
            wanted = [each for each in finalizers if each != self.finalizer]
        elif self.finalizer in finalizers:
            return
        else:
            wanted = [*finalizers, self.finalizer]
        version = obj["metadata"]["resourceVersion"]
        body = {"metadata": {"resourceVersion": version, "finalizers": wanted}}
        try:
            await self.client.patch(resource, meta.name(obj), body, meta.namespace(obj) or None)
        except NotFound:
            return


class PVCProtectionController(_Protection):
    name = "persistentvolumeclaim-protection-controller"
    finalizer = _CLAIM
    workers = 1

    def setup(self) -> None:
        self.claims = self.informer(kinds.PERSISTENT_VOLUME_CLAIMS)
        self.pods = self.informer(kinds.PODS)
        self.pods.add_index("claim", claims_of)
        self.for_each(self.claims)
        self.pods.add_handler(self._pod_changed)

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and (new is None or pods.is_terminal(new)):
            for key in claims_of(old):
                self.queue.add(key)

    async def reconcile(self, key: str) -> float | None:
        """Protect one claim, or let it go when no pod uses it."""
        space, name = meta.split_key(key)
        claim = self.claims.get(name, space)
        if claim is not None:
            used = any(not pods.is_terminal(pod) for pod in self.pods.by_index("claim", key))
            await self._put(kinds.PERSISTENT_VOLUME_CLAIMS, claim, used)
        return None


class PVProtectionController(_Protection):
    name = "persistentvolume-protection-controller"
    finalizer = _VOLUME
    workers = 1

    def setup(self) -> None:
        self.volumes = self.informer(kinds.PERSISTENT_VOLUMES)
        self.for_each(self.volumes)

    async def reconcile(self, key: str) -> float | None:
        """Protect one volume, or let it go when no claim has it."""
        volume = self.volumes.get(key)
        if volume is not None:
            used = (volume.get("status") or {}).get("phase") == "Bound"
            await self._put(kinds.PERSISTENT_VOLUMES, volume, used)
        return None
