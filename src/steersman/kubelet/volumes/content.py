"""Volumes that are files made from objects: written so that a reader sees all of the old or all of the new.

    <volume>/key          -> ..data/key             what containers open
    <volume>/..data       -> ..2026_11_20_08_00_…   swapped by one rename
    <volume>/..2026_…/key                           the files

The layout is the documented one of ConfigMap and Secret volumes: programs watch `..data` for changes.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.kubelet.volumes.plugin import VolumeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steersman.api.types import Object

DATA = "..data"
NEXT = "..data_tmp"


@dataclass(frozen=True, slots=True)
class File:
    """One file of a payload; `owner` is a user id when the file is for one user only."""

    data: bytes
    mode: int
    owner: int | None = None


Payload = dict[str, File]


def project(data: Mapping[str, bytes], source: Object, mode: int, optional: bool) -> Payload:
    """Choose keys by `items` (all without), with their paths and modes.

    Raises: VolumeError for a key that is not there, unless optional.
    """
    items: Iterable[Object] | None = source.get("items")
    if not items:
        return {key: File(content, mode) for key, content in data.items()}
    payload: Payload = {}
    for item in items:
        if item["key"] not in data:
            if optional:
                continue
            raise VolumeError(f"references non-existent config key: {item['key']}")
        own = item.get("mode")
        payload[checked(item["path"])] = File(data[item["key"]], mode if own is None else int(own))
    return payload


def checked(path: str) -> str:
    """The path, normalised. Raises: VolumeError when it leaves the volume or clashes with our own names."""
    normal = os.path.normpath(path)
    if os.path.isabs(normal) or normal.split("/")[0].startswith(".."):
        raise VolumeError(f"invalid path: {path!r}: must be relative and inside the volume")
    return normal


def write(directory: str, payload: Payload, fs_group: int | None = None) -> bool:
    """Bring the volume to the payload; False when it already was there."""
    os.makedirs(directory, exist_ok=True)
    os.chmod(directory, 0o777 if fs_group is None else 0o2777)
    if fs_group is not None:
        os.chown(directory, -1, fs_group)
    current = _current(directory)
    if current is not None and _same(current, payload, fs_group):
        return False
    fresh = tempfile.mkdtemp(prefix=time.strftime("..%Y_%m_%d_%H_%M_%S.", time.gmtime()), dir=directory)
    os.chmod(fresh, 0o755)
    for path, file in payload.items():
        _write_file(fresh, path, file, fs_group)
    pointer = os.path.join(directory, NEXT)
    if os.path.lexists(pointer):
        os.unlink(pointer)
    os.symlink(os.path.basename(fresh), pointer)
    os.rename(pointer, os.path.join(directory, DATA))
    _link(directory, {path.split("/")[0] for path in payload})
    if current is not None:
        shutil.rmtree(current)
    return True


def _current(directory: str) -> str | None:
    try:
        target = os.readlink(os.path.join(directory, DATA))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINVAL):
            return None
        raise
    path = os.path.join(directory, target)
    return path if os.path.isdir(path) else None


def _same(current: str, payload: Payload, fs_group: int | None) -> bool:
    found = {
        os.path.relpath(os.path.join(base, name), current)
        for base, _, names in os.walk(current)
        for name in names
    }
    return found == set(payload) and all(
        _file_is(os.path.join(current, path), file, fs_group) for path, file in payload.items()
    )


def _file_is(path: str, file: File, fs_group: int | None) -> bool:
    facts = os.stat(path)
    if stat.S_IMODE(facts.st_mode) != _mode(file, fs_group) or facts.st_size != len(file.data):
        return False
    with open(path, "rb") as handle:
        return handle.read() == file.data


def _mode(file: File, fs_group: int | None) -> int:
    return file.mode if fs_group is None else file.mode | 0o440


def _write_file(base: str, path: str, file: File, fs_group: int | None) -> None:
    full = os.path.join(base, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "wb") as handle:
        handle.write(file.data)
    if fs_group is not None or file.owner is not None:
        os.chown(full, -1 if file.owner is None else file.owner, -1 if fs_group is None else fs_group)
    os.chmod(full, _mode(file, fs_group))


def _link(directory: str, names: set[str]) -> None:
    """Make the visible names point through `..data`, and drop those that are no more."""
    for name in names:
        link = os.path.join(directory, name)
        if not os.path.lexists(link):
            os.symlink(os.path.join(DATA, name), link)
    for entry in os.scandir(directory):
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in names:
            os.unlink(entry.path)
