"""The documentation keeps up: links lead somewhere, every page is in the index, every command on its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from steersman.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(p for d in ("docs", "src", "bench", "images") for p in (ROOT / d).rglob("*.md")),
]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


def test_every_page_is_in_the_index() -> None:
    listed = set(LINK.findall((ROOT / "docs" / "README.md").read_text()))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - listed == {"README.md"}


def test_every_command_is_described() -> None:
    described = (ROOT / "docs" / "cli.md").read_text()
    assert [entry.name for entry in COMMANDS if f"`{entry.name}" not in described] == []
