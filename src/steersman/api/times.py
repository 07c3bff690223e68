"""Times at the edge of an object: RFC 3339 text, and the short durations people read in tables.

In code a time is a float: seconds since the epoch.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@lru_cache(maxsize=64)
def _whole_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def rfc3339(seconds: float) -> str:
    """Return `2026-01-02T03:04:05Z`: a metav1.Time, whole seconds, rounded down."""
    return _whole_second(int(seconds // 1)) + "Z"


def rfc3339_micro(seconds: float) -> str:
    """Return `2026-01-02T03:04:05.123456Z`: a metav1.MicroTime."""
    second, micro = divmod(round(seconds * 1_000_000), 1_000_000)
    return f"{_whole_second(second)}.{micro:06d}Z"


@lru_cache(maxsize=4096)
def parse_time(text: str) -> float:
    """Return seconds since the epoch.  Raises ValueError when `text` is not RFC 3339 with a zone."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None or "T" not in text.upper():
        raise ValueError(f"time {text!r} is not RFC 3339: it needs a date, a time and a zone")
    return parsed.timestamp()


def human_duration(seconds: float) -> str:
    """Return an age as tables print it, in two units while small: `45s`, `5m12s`, `3d4h`, `2y35d`."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 2 * _MINUTE:
        return f"{max(whole, 0)}s"
    if whole < 10 * _MINUTE:
        return _two_units(whole, _MINUTE, "m", 1, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two_units(whole, _HOUR, "h", _MINUTE, "m")
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two_units(whole, _DAY, "d", _HOUR, "h")
    if whole < 2 * 365 * _DAY:
        return f"{whole // _DAY}d"
    if whole < 8 * 365 * _DAY:
        return _two_units(whole, 365 * _DAY, "y", _DAY, "d")
    return f"{whole // (365 * _DAY)}y"


def short_human_duration(seconds: float) -> str:
    """Return an age in one unit, the largest that fits (`5m`, `3d`): some older columns print it so."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    for size, unit in ((365 * _DAY, "y"), (_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{max(whole, 0)}s"


def _two_units(whole: int, large: int, large_name: str, small: int, small_name: str) -> str:
    first, rest = divmod(whole, large)
    second = rest // small
    return f"{first}{large_name}{second}{small_name}" if second else f"{first}{large_name}"
