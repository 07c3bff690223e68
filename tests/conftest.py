"""Fixtures for everybody, and the order of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

pytest_plugins = ["tests.fixtures.apiserver", "tests.fixtures.webhook"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests on a real node last: they take the whole process into its network namespace."""
    items.sort(key=lambda item: "node" in getattr(item, "fixturenames", ()))
