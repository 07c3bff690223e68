"""Saying what goes on: a line a stage with the time it took, rewritten in place on a terminal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 44
"""Columns of a stage's description."""


@dataclass(slots=True)
class Stage:
    """One finished stage."""

    name: str
    title: str
    seconds: float
    detail: str


@dataclass(slots=True)
class Report:
    """Collects stages; prints them unless quiet."""

    quiet: bool = False
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    stages: list[Stage] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator[Stage]:
        """Time a block; its `detail` may be set inside. A failing block leaves a cross."""
        stage = Stage(name, title, 0.0, "")
        self.write(f"  … {title}", end="" if self.stream.isatty() else None)
        begin = time.monotonic()
        try:
            yield stage
        except BaseException:
            self.finish("✗", stage, time.monotonic() - begin)
            raise
        self.finish("✓", stage, time.monotonic() - begin)
        self.stages.append(stage)

    def finish(self, mark: str, stage: Stage, seconds: float) -> None:
        """Print a stage's last line."""
        stage.seconds = seconds
        start = "\r\x1b[K" if self.stream.isatty() else ""
        self.write(f"{start}  {mark} {stage.title:<{WIDTH}} {seconds:6.2f} s  {stage.detail}".rstrip())

    def say(self, text: str = "") -> None:
        """Print a line."""
        self.write(text)

    def write(self, text: str, end: str | None = "\n") -> None:
        """Print unless quiet; `end` None: print nothing at all (a stage's first line, off a terminal)."""
        if not self.quiet and end is not None:
            print(text, end=end, file=self.stream, flush=True)

    @property
    def seconds(self) -> float:
        """What all stages took together."""
        return sum(stage.seconds for stage in self.stages)
