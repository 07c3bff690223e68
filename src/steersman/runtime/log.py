"""Logging of a process: one line a record, to standard error, as text or JSON.

Standard `logging` underneath: modules use `logging.getLogger("steersman.<room>...")`; the process calls
`configure` once.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Literal

__all__ = ["configure"]

_LETTER = {
    logging.DEBUG: "D",
    logging.INFO: "I",
    logging.WARNING: "W",
    logging.ERROR: "E",
    logging.CRITICAL: "F",
}


class _TextFormatter(logging.Formatter):
    """`I 2026-01-01T00:00:00.123Z controllers.deployment: message`."""

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.gmtime(record.created)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", seconds) + f".{int(record.msecs):03d}Z"
        name = record.name.removeprefix("steersman.")
        line = f"{_LETTER.get(record.levelno, 'I')} {stamp} {name}: {record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class _JsonFormatter(logging.Formatter):
    def __init__(self, component: str) -> None:
        super().__init__()
        self._component = component

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "ts": round(record.created, 3),
            "level": record.levelname.lower(),
            "component": self._component,
            "logger": record.name,
            "msg": record.getMessage(),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def configure(
    component: str, level: int | str = logging.INFO, format: Literal["text", "json"] = "text"
) -> None:
    """Send this process's log to standard error. `STEERSMAN_LOG_LEVEL` in the environment overrides
    `level`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter(component) if format == "json" else _TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(os.environ.get("STEERSMAN_LOG_LEVEL", "").upper() or level)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
