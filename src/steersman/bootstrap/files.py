"""Files a cluster keeps: written whole or not at all, private unless said otherwise."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = 0o600
"""Mode of everything that holds a key or a token."""
PUBLIC = 0o644
"""Mode of certificates and of plain settings."""


def write_file(path: Path, content: str | bytes, mode: int = PRIVATE) -> None:
    """Write a file atomically: a reader sees the old bytes or the new ones, a crash leaves no half.

    Missing parent directories are made (mode 0755, 0700 when the file is private).
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    data = content.encode() if isinstance(content, str) else content
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_if_changed(path: Path, content: str | bytes, mode: int = PRIVATE) -> bool:
    """Write only when the bytes differ; say whether they did."""
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and path.read_bytes() == data:
        return False
    write_file(path, data, mode)
    return True
