"""Durations as configuration files write them: `1h30m`, `10s`, `250ms`. Source: Go's time.ParseDuration."""

from __future__ import annotations

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_WHOLE = re.compile(rf"[-+]?(?:{_PART.pattern})+")


def seconds_of(text: object) -> float:
    """Seconds of a duration; the bare number 0 is one too. Raises: ValueError."""
    spelled = str(text).strip()
    if spelled in ("0", "+0", "-0"):
        return 0.0
    if not _WHOLE.fullmatch(spelled):
        raise ValueError(f"invalid duration {spelled!r}: write it like 10s, 5m or 1h30m")
    total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(spelled))
    return -total if spelled.startswith("-") else total
