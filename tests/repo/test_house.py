"""The house rules a program can hold: sizes, who may start tasks, forbidden names, documented modules."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "steersman"
FILE_WALL = 600
FUNCTION_WALL = 60

#: Functions past the wall, with the reason. This table may only shrink.
LONG_FUNCTIONS: dict[str, str] = {}
#: Files past the wall, with the reason. This table may only shrink.
LONG_FILES: dict[str, str] = {}

BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}


def sources() -> list[Path]:
    return [p for p in sorted(SOURCE.rglob("*.py")) if "_pb2" not in p.name]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def relative(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [n for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the function without its docstring."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def test_no_file_is_past_the_wall() -> None:
    long = {relative(p): n for p in sources() if (n := len(p.read_text().splitlines())) > FILE_WALL}
    assert long.keys() == LONG_FILES.keys(), long


def test_no_function_is_past_the_wall() -> None:
    long = {
        f"{relative(p)}:{f.name}": code_lines(f)
        for p in sources()
        for f in functions(p)
        if code_lines(f) > FUNCTION_WALL
    }
    assert long.keys() == LONG_FUNCTIONS.keys(), long


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [relative(p) for p in SOURCE.rglob("*") if p.stem in BANNED_NAMES] == []


def test_tasks_are_started_in_one_place_only() -> None:
    offenders = [
        f"{relative(p)}:{n.lineno}"
        for p in sources()
        if relative(p) != "runtime/tasks.py"
        for n in ast.walk(tree(p))
        if isinstance(n, ast.Attribute) and n.attr in {"create_task", "ensure_future"}
    ]
    assert offenders == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [relative(p) for p in sources() if p.read_text().strip() and not ast.get_docstring(tree(p))]
    assert silent == []


@pytest.mark.parametrize(
    "room", sorted(p.name for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__")
)
def test_every_room_is_in_the_architecture_page(room: str) -> None:
    assert f"`{room}`" in (ROOT / "docs" / "architecture.md").read_text()
