"""The message a container leaves when it ends: its termination log, or the tail of its log (blocking,
short).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from steersman.kubelet.cri.observed import TERMINATION_PATH, TERMINATION_POLICY

if TYPE_CHECKING:
    from steersman.kubelet.cri.observed import Container

FILE_BYTES = 4096
LOG_BYTES = 2048
LOG_LINES = 80


def termination_message(container: Container) -> str:
    """The message of an exited container; "" when it left none."""
    wanted = container.annotations.get(TERMINATION_PATH, "")
    path = next((here for inside, here in container.mounts if inside == wanted), "")
    message = _head(path, FILE_BYTES) if path else ""
    fall_back = container.annotations.get(TERMINATION_POLICY) == "FallbackToLogsOnError"
    if not message and fall_back and container.exit_code != 0 and container.log_path:
        message = log_tail(container.log_path)
    return message


def _head(path: str, size: int) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(size).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def log_tail(path: str) -> str:
    """The last lines of a CRI log file, without their stamps."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 64 * 1024, 0))
            lines = file.read().splitlines()[-LOG_LINES:]
    except FileNotFoundError:
        return ""
    texts = [line.split(b" ", 3) for line in lines]
    tail = b"".join(parts[3] + b"\n" * (parts[2] == b"F") for parts in texts if len(parts) == 4)
    return tail[-LOG_BYTES:].decode("utf-8", "replace")
