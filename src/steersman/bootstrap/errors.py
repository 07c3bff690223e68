"""What cluster life can fail with."""

from __future__ import annotations

__all__ = ["BootstrapError"]


class BootstrapError(Exception):
    """Something the user has to know of: what failed and, after "hint", what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
