"""IntOrString values: a number, or a percentage of some total (`maxUnavailable: 25%`)."""

from __future__ import annotations

import re

_PERCENT = re.compile(r"[0-9]+%\Z", re.ASCII)


def is_percent(value: object) -> bool:
    """Tell whether `value` is text like `25%`."""
    return isinstance(value, str) and _PERCENT.match(value) is not None


def scaled_value(int_or_percent: int | str, total: int, round_up: bool) -> int:
    """Return the absolute number meant.  Raises ValueError for text that is no percentage."""
    if isinstance(int_or_percent, int):
        return int_or_percent
    if not _PERCENT.match(int_or_percent):
        raise ValueError(
            f"invalid value for IntOrString: {int_or_percent!r} is neither an integer nor a percentage"
        )
    scaled = int(int_or_percent[:-1]) * total
    return -(-scaled // 100) if round_up else scaled // 100
