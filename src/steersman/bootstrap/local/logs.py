"""Reading what a cluster's processes logged, to tell the user why something does not come up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TAIL_BYTES = 32 * 1024
ENTRY = re.compile(r"[DIWEF] \d{4}-\d\d-\d\dT")
"""How a line of `runtime.log` begins."""


def last_error(log: Path) -> str:
    """The last error in a log: its message, and the exception under it when there is one. "" without any."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith(("E ", "F ")) and ENTRY.match(line)]
    if not starts:
        return ""
    message = lines[starts[-1]].split(" ", 2)[2]
    after = lines[starts[-1] + 1 :]
    length = next((i for i, line in enumerate(after) if ENTRY.match(line)), len(after))
    trace = [line for line in after[:length] if line.strip()]
    return f"{message}: {trace[-1].strip()}" if trace else message


def where_to_look(*logs: Path) -> str:
    """A hint: the first log with an error in it and that error, or just the logs."""
    for log in logs:
        error = last_error(log)
        if error:
            return f"see {log}, which says: {error}"
    return f"see {' and '.join(str(log) for log in logs)}"
