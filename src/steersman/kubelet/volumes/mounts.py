"""Mounting and unmounting on this node, by the mount(2) call itself."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
from typing import Any

MS_NOSUID = 2
MS_NODEV = 4
MNT_DETACH = 2


@functools.cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, action: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{action}: {os.strerror(code)}")


def mount_tmpfs(path: str, size: int | None = None) -> None:
    """Mount a tmpfs at `path` unless something is mounted there; `size` in bytes."""
    os.makedirs(path, exist_ok=True)
    if os.path.ismount(path):
        return
    options = f"size={size}" if size else ""
    flags = MS_NOSUID | MS_NODEV
    result = _libc().mount(b"tmpfs", os.fsencode(path), b"tmpfs", ctypes.c_ulong(flags), options.encode())
    _check(result, f"mount tmpfs at {path}")


def unmount(path: str) -> None:
    _check(_libc().umount2(os.fsencode(path), MNT_DETACH), f"unmount {path}")


def mounts_below(path: str) -> list[str]:
    """Mount points at or below `path`, deepest first."""
    root = os.path.realpath(path)
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            point = line.split(" ")[4].replace("\\040", " ")
            if point == root or point.startswith(root + "/"):
                found.append(point)
    return sorted(found, key=len, reverse=True)


def remove_tree(path: str) -> None:
    """Unmount all that is mounted below `path`, then delete it; nothing is deleted through a mount.

    Raises: OSError when something stays mounted.
    """
    for point in mounts_below(path):
        unmount(point)
    if left := mounts_below(path):
        raise OSError(f"{left[0]} is still mounted")
    if os.path.lexists(path):
        shutil.rmtree(path)
