"""What a watch shows, put together, is what a list shows: for any changes, any selector, any starting
point."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steersman.api import kinds
from steersman.api.errors import ApiError
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.client.rest import Client
from steersman.store.memory import MemoryStore

if TYPE_CHECKING:
    from steersman.api.types import Object

NAMES, LABELS = ("a", "b", "c"), ("x", "y")
CHANGES = st.lists(
    st.tuples(st.sampled_from(("put", "put", "delete")), st.sampled_from(NAMES), st.sampled_from(LABELS)),
    max_size=25,
)


async def change(client: Client, verb: str, name: str, label: str) -> None:
    """Make one change; what does not fit the present state is refused and changes nothing."""
    obj: Object = {"metadata": {"name": name, "labels": {"l": label}}}
    try:
        if verb == "delete":
            await client.delete(kinds.CONFIG_MAPS, name, "default")
        else:
            await client.create(kinds.CONFIG_MAPS, obj, "default")
    except ApiError as error:
        if error.code == 409:
            await client.patch(kinds.CONFIG_MAPS, name, obj, "default")


async def follow(client: Client, state: dict[str, Object], version: str, selector: str, until: str) -> None:
    """Apply a watch's events to a state until the mark appears, checking what every event promises."""
    last = int(version)
    watching = client.watch(
        kinds.CONFIG_MAPS, "default", resource_version=version, label_selector=f"l in ({selector},mark)"
    )
    async for event in watching:
        name, now = event.object["metadata"]["name"], int(event.object["metadata"]["resourceVersion"])
        assert now > last
        last = now
        assert (name in state) == (event.type != "ADDED")
        if event.type == "DELETED":
            del state[name]
        else:
            state[name] = event.object
        if name == until:
            return


async def scenario(
    before: list[tuple[str, str, str]], after: list[tuple[str, str, str]], selector: str
) -> None:
    config = APIServerConfig(store="memory", authorization="AlwaysAllow")
    async with APIServer(config, store=MemoryStore(), listen=False) as server:
        client = Client(server.transport())
        for verb, name, label in before:
            await change(client, verb, name, label)
        listed = await client.list(kinds.CONFIG_MAPS, "default", label_selector=f"l in ({selector},mark)")
        state = {item["metadata"]["name"]: item for item in listed["items"]}
        version = listed["metadata"]["resourceVersion"]
        half = len(after) // 2
        for verb, name, label in after[:half]:
            await change(client, verb, name, label)
        following = asyncio.ensure_future(follow(client, state, version, selector, "mark"))
        for verb, name, label in after[half:]:
            await change(client, verb, name, label)
        await change(client, "put", "mark", "mark")
        async with asyncio.timeout(5):
            await following
        listed = await client.list(kinds.CONFIG_MAPS, "default", label_selector=f"l in ({selector},mark)")
        assert state == {item["metadata"]["name"]: item for item in listed["items"]}


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(CHANGES, CHANGES, st.sampled_from(("x", "y", "x,y")))
def test_list_and_watch_agree(
    before: list[tuple[str, str, str]], after: list[tuple[str, str, str]], selector: str
) -> None:
    asyncio.run(scenario(before, after, selector))
