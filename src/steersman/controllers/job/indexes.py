"""Sets of completion indexes as a Job's status writes them: `0-2,5`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object

__all__ = ["INDEX", "format_indexes", "index_of", "parse_indexes"]

INDEX = "batch.kubernetes.io/job-completion-index"


def parse_indexes(text: str, limit: int) -> set[int]:
    """Indexes below `limit`; what cannot be read is left out."""
    found: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        if first.isdecimal() and (not last or last.isdecimal()):
            found.update(range(int(first), min(int(last or first), limit - 1) + 1))
    return found


def format_indexes(indexes: Iterable[int]) -> str:
    """Runs of three or more as a range, others one by one."""
    parts: list[str] = []
    ordered = sorted(set(indexes))
    start = 0
    while start < len(ordered):
        end = start
        while end + 1 < len(ordered) and ordered[end + 1] == ordered[end] + 1:
            end += 1
        if end - start >= 1:
            joint = "-" if end - start >= 2 else ","
            parts.append(f"{ordered[start]}{joint}{ordered[end]}")
        else:
            parts.append(str(ordered[start]))
        start = end + 1
    return ",".join(parts)


def index_of(pod: Object) -> int | None:
    """The completion index of a pod; None when it has none."""
    text = meta.annotations(pod).get(INDEX, "")
    return int(text) if text.isdecimal() else None
