"""What a volume plug-in is, and what it is given.

A plug-in makes one volume of one pod ready and says where on the node it is.  `set_up` is called again
whenever something it reads may have changed, so it must be idempotent; it raises `VolumeError` with a
message for the FailedMount event.  Taking down is common to all: whatever is mounted below the pod's
directory is unmounted and the directory removed, so a plug-in that only makes files and mounts there needs
nothing of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from steersman.api.kinds import Resource
    from steersman.api.types import Object
    from steersman.kubelet.pods.fields import Addresses


class VolumeError(Exception):
    """The volume cannot be made ready now; it is tried again."""


@dataclass(frozen=True, slots=True)
class Token:
    """A service-account token for a pod; `refresh` is the wall-clock time to ask for the next one."""

    text: str
    refresh: float


class Outside(Protocol):
    """What plug-ins may ask of the world."""

    async def fetch(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        """The object as the API server has it now; None when there is none."""
        ...

    async def token(self, pod: Object, audience: str, seconds: int) -> Token:
        """A token of the pod's service account, bound to the pod."""
        ...


@dataclass(frozen=True, slots=True)
class Mountable:
    """One volume of one pod."""

    pod: Object
    name: str
    source: Object
    """the value below the plug-in's field, such as `{"name": "settings"}`"""
    directory: str
    """the plug-in's own place for this volume; it does not exist before the first set-up"""
    outside: Outside
    addresses: Addresses
    allocatable: Mapping[str, str]
    wake_at: Callable[[float], None]
    """ask for another set-up at a wall-clock time"""

    @property
    def namespace(self) -> str:
        return str(self.pod["metadata"]["namespace"])

    @property
    def fs_group(self) -> int | None:
        group: Any = (self.pod["spec"].get("securityContext") or {}).get("fsGroup")
        return None if group is None else int(group)


class VolumePlugin(Protocol):
    """One kind of volume."""

    field: ClassVar[str]
    """the key in a Volume, such as `configMap`"""
    directory: ClassVar[str]
    """the name in paths, such as `kubernetes.io~configmap`"""
    live: ClassVar[bool]
    """True when a change of objects or of the pod's metadata must reach a running pod"""

    async def set_up(self, volume: Mountable) -> str:
        """Make it ready (again); where it is on the node. Raises: VolumeError."""
        ...


def base_mode(source: Object) -> int:
    mode = source.get("defaultMode")
    return 0o644 if mode is None else int(mode)
