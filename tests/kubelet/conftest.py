"""Fixtures of the kubelet's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kubelet.kubelet_node import Node, missing_parts, running_node

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """A node with a real containerd, shared by all tests that need one."""
    if lacking := missing_parts():
        pytest.skip(lacking)
    with running_node() as running:
        yield running
