"""The last error of a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steersman.bootstrap.local.logs import last_error, where_to_look

if TYPE_CHECKING:
    from pathlib import Path

STAMP = "2026-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param(f"I {STAMP} a: fine\n", "", id="nothing wrong"),
        pytest.param(f"E {STAMP} a: bad\nI {STAMP} b: fine\n", "a: bad", id="one line"),
        pytest.param(
            f'E {STAMP} a: bad\nTraceback:\n  File "x"\nTypeError: no\nI {STAMP} b: x\n',
            "a: bad: TypeError: no",
            id="with its exception",
        ),
        pytest.param(f"E {STAMP} a: first\nE {STAMP} a: second\n", "a: second", id="the last of several"),
        pytest.param("E is for error\n", "", id="lines of other programs"),
    ],
)
def test_last_error(tmp_path: Path, text: str, error: str) -> None:
    log = tmp_path / "log"
    log.write_text(text)
    assert last_error(log) == error


def test_the_hint_names_the_log_that_knows(tmp_path: Path) -> None:
    quiet, loud = tmp_path / "quiet.log", tmp_path / "loud.log"
    quiet.write_text("")
    loud.write_text(f"E {STAMP} a: bad\n")
    assert where_to_look(quiet, loud) == f"see {loud}, which says: a: bad"
    assert where_to_look(quiet) == f"see {quiet}"
