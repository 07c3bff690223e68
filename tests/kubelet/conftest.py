"""Fixtures of the kubelet's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.kubelet.cluster import Cluster, ensure_account, running_kubelet
from tests.kubelet.kubelet_node import Node, missing_parts, running_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from steersman.client.rest import Client


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """A node with a real containerd, shared by all tests that need one."""
    if lacking := missing_parts():
        pytest.skip(lacking)
    with running_node() as running:
        yield running


@pytest.fixture
async def cluster(node: Node, client: Client) -> AsyncIterator[Cluster]:
    """A kubelet of that node, with an API server of its own."""
    await ensure_account(client)
    async with running_kubelet(node, client) as kubelet:
        yield Cluster(client, node, kubelet)
