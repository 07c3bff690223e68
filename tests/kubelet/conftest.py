"""Fixtures of the kubelet's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.kubelet.cluster import Cluster, ensure_account, running_kubelet
from tests.kubelet.kubelet_node import Node, missing_parts, running_node

from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.client.rest import Client
from steersman.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """A node with a real containerd, shared by all tests that need one.

    From then on the main thread is in the node's network namespace: these tests run last (tests/conftest.py).
    """
    if lacking := missing_parts():
        pytest.skip(lacking)
    with running_node() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def signing_server(tmp_path: Path) -> AsyncIterator[APIServer]:
    """An API server in process that can sign service-account tokens."""
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "sa.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    config = APIServerConfig(store="memory", service_account_key=str(tmp_path / "sa.key"))
    async with APIServer(config, store=MemoryStore(), listen=False) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def cluster(node: Node, signing_server: APIServer) -> AsyncIterator[Cluster]:
    """A kubelet of that node, with an API server of its own."""
    async with Client(signing_server.transport()) as client:
        await ensure_account(client)
        async with running_kubelet(node, client) as kubelet:
            yield Cluster(client, node, kubelet)
