"""What a watch at one server shows, put together, is what a list at any server shows, while several servers
write to one etcd."""

from __future__ import annotations

import asyncio
import random
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from tests.apiserver.test_watch_properties import LABELS, NAMES, change, follow
from tests.store.etcd.servers import Etcd

from steersman.api import kinds
from steersman.api.errors import NotFound
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.client.rest import Client

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("etcd") is None, reason="etcd is not installed"),
]
ROUNDS = 12


async def write(clients: list[Client], seed: random.Random, count: int) -> None:
    for _ in range(count):
        verb = seed.choice(("put", "put", "delete"))
        with suppress(NotFound):  # another writer deleted it between the two halves of a put
            await change(seed.choice(clients), verb, seed.choice(NAMES), seed.choice(LABELS))


async def agree(clients: list[Client], seed: random.Random) -> None:
    selector = seed.choice(("x", "y", "x,y"))
    query = f"l in ({selector},mark)"
    await clients[0].delete_collection(kinds.CONFIG_MAPS, "default", label_selector="l")
    await write(clients, seed, seed.randrange(20))
    watcher, lister = seed.sample(clients, 2)
    listed = await lister.list(kinds.CONFIG_MAPS, "default", label_selector=query)
    state = {item["metadata"]["name"]: item for item in listed["items"]}
    await write(clients, seed, seed.randrange(10))
    version = listed["metadata"]["resourceVersion"]
    following = asyncio.ensure_future(follow(watcher, state, version, selector, "mark"))
    await asyncio.gather(*(write(clients, seed, seed.randrange(10)) for _ in range(3)))
    await change(lister, "put", "mark", "mark")
    async with asyncio.timeout(5):
        await following
    for client in clients:
        listed = await client.list(kinds.CONFIG_MAPS, "default", label_selector=query)
        assert state == {item["metadata"]["name"]: item for item in listed["items"]}


async def test_list_and_watch_agree_whoever_is_asked(tmp_path: Path) -> None:
    with Etcd(tmp_path) as etcd:
        config = APIServerConfig(store="etcd", etcd_servers=tuple(etcd.endpoints))
        async with APIServer(config, listen=False) as one, APIServer(config, listen=False) as two:
            clients = [Client(one.transport()), Client(two.transport())]
            for number in range(ROUNDS):
                await agree(clients, random.Random(number))
