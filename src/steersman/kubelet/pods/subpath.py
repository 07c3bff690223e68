"""Where a volumeMount's subPath leads, without leaving the volume (blocking, short)."""

from __future__ import annotations

import os

from steersman.kubelet.pods.env import ConfigError


def resolve(volume: str, name: str, subpath: str) -> str:
    """The real path of `subpath` inside the volume's directory, made as a directory when nothing is there.

    Raises: ConfigError when it points out of the volume.
    """
    if os.path.isabs(subpath) or ".." in subpath.split("/"):
        raise ConfigError(f"subPath {subpath!r} of volume {name!r} must be relative and without '..'")
    root = os.path.realpath(volume)
    wanted = os.path.join(root, subpath)
    real = os.path.realpath(wanted)
    if real != root and not real.startswith(root.rstrip("/") + "/"):
        raise ConfigError(
            f'failed to prepare subPath for volumeMount "{name}": {subpath} leads out of the volume'
        )
    _ensure_directory(real, os.stat(root).st_mode & 0o777)
    return real


def _ensure_directory(path: str, mode: int) -> None:
    """Make what is missing as accessible as the volume itself, whatever the umask: pods without root write
    there."""
    if os.path.exists(path):
        return
    _ensure_directory(os.path.dirname(path), mode)
    os.mkdir(path)
    inherited = os.stat(path).st_mode & 0o2000  # set-group-ID, which makes new files the fsGroup's
    os.chmod(path, mode | inherited)
