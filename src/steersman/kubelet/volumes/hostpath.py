"""hostPath: a path of the node itself, checked or made according to its type."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, ClassVar

from steersman.kubelet.volumes.plugin import Mountable, VolumeError

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKS: dict[str, tuple[Callable[[int], bool], str]] = {
    "Directory": (stat.S_ISDIR, "a directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "a directory"),
    "File": (stat.S_ISREG, "a file"),
    "FileOrCreate": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket file"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


class HostPath:
    field: ClassVar[str] = "hostPath"
    directory: ClassVar[str] = "kubernetes.io~host-path"
    live: ClassVar[bool] = False

    async def set_up(self, volume: Mountable) -> str:
        path = str(volume.source["path"])
        check_type(path, volume.source.get("type") or "")
        return path


def check_type(path: str, kind: str) -> None:
    """Raises: VolumeError when the path is not what the type asks for and must not be made."""
    if not kind:
        return
    if kind not in CHECKS:
        raise VolumeError(f"hostPath type check failed: unknown type {kind!r}")
    if kind == "DirectoryOrCreate":
        os.makedirs(path, mode=0o755, exist_ok=True)
    elif kind == "FileOrCreate" and not os.path.exists(path):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
    fits, noun = CHECKS[kind]
    try:
        right = fits(os.stat(path).st_mode)
    except FileNotFoundError:
        right = False
    if not right:
        raise VolumeError(f"hostPath type check failed: {path} is not {noun}")
