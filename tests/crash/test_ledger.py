"""The judge of the crash suite finds what it is there for."""

from __future__ import annotations

import pytest
from tests.crash.ledger import Acknowledged, Ledger, Seen, selected, state

KEY = ("default", "x")
HISTORY = [
    Seen("ADDED", KEY, 10, "t1", "a", "u"),
    Seen("MODIFIED", KEY, 11, "t2", "b", "u"),
    Seen("DELETED", KEY, 12, "t2", "b", "u"),
]
WRITES = [
    Acknowledged("create", KEY, 10, "t1", 0),
    Acknowledged("update", KEY, 11, "t2", 10),
    Acknowledged("delete", KEY, 0, "u", 0),
]


def test_a_whole_history_has_no_problems() -> None:
    assert Ledger(WRITES).problems(HISTORY) == []


@pytest.mark.parametrize(
    ("history", "problem"),
    [
        pytest.param(HISTORY[:2], "lost", id="a deletion that is missing"),
        pytest.param([HISTORY[0]], "lost", id="an update that is missing"),
        pytest.param([*HISTORY[:2], HISTORY[1], HISTORY[2]], "comes after", id="an event shown twice"),
        pytest.param(
            [HISTORY[0], HISTORY[1]._replace(token="t3"), HISTORY[2]],
            "content of another",
            id="a write overwritten unseen",
        ),
        pytest.param(
            [HISTORY[0], Seen("MODIFIED", KEY, 10, "t9", "a", "u"), *HISTORY[1:]],
            "comes after",
            id="a revision used twice",
        ),
        pytest.param(
            [*HISTORY, Seen("ADDED", KEY, 13, "t1", "a", "v")], "written 2 times", id="a create done twice"
        ),
    ],
)
def test_a_broken_history_is_found_out(history: list[Seen], problem: str) -> None:
    assert any(problem in line for line in Ledger(WRITES).problems(history))


def test_a_swap_over_a_newer_revision_and_a_refused_write_are_found_out() -> None:
    ledger = Ledger([WRITES[1]._replace(base=9)], refused={"t1"})
    first, second = sorted(ledger.problems(HISTORY))
    assert "went over revision 10" in first
    assert second == "t1 was refused, and written"


def test_a_selecting_watch_sees_objects_come_and_go() -> None:
    assert selected(HISTORY, "default", "a") == [("ADDED", KEY, 10), ("DELETED", KEY, 11)]
    assert selected(HISTORY, "", "b") == [("ADDED", KEY, 11), ("DELETED", KEY, 12)]
    assert selected(HISTORY, "other", "") == []
    assert state(HISTORY[:2]) == {KEY: (11, "t2")}
