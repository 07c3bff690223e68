"""Watches: every change once, in order, from anywhere in the history that is kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from tests.apiserver.objects import CONFIG_MAPS, make

from steersman.api import kinds
from steersman.apiserver.cache import cache as cache_module

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from steersman.api.types import Object
    from steersman.apiserver.server import APIServer
    from steersman.client.rest import Client

Event = tuple[str, str]


async def events(client: Client, accept: str = "application/json", **query: str) -> AsyncGenerator[Any, None]:
    """Yield the decoded events of a watch of the ConfigMaps in `default`."""
    parameters = {"watch": "1", **query}
    response = await client.transport.request("GET", CONFIG_MAPS, parameters, {"Accept": accept}, None)
    waiting = b""
    try:
        async for chunk in response.chunks():
            waiting += chunk
            *lines, waiting = waiting.split(b"\n")
            for line in lines:
                yield orjson.loads(line)
    finally:
        response.close()


async def take(count: int, watching: AsyncIterator[Any]) -> list[Event]:
    """Return type and name of the next events."""
    found = []
    async with asyncio.timeout(5):
        for _ in range(count):
            event = await anext(watching)
            found.append((event["type"], event["object"]["metadata"].get("name", "")))
    return found


async def change(client: Client, obj: Object, **labels: str) -> Object:
    return await client.update(
        kinds.CONFIG_MAPS, {**obj, "metadata": {**obj["metadata"], "labels": labels or {"n": "1"}}}
    )


async def test_a_watch_without_a_version_begins_with_what_is_there(client: Client) -> None:
    await make(client, "a", "b")
    watching = events(client)
    assert await take(2, watching) == [("ADDED", "a"), ("ADDED", "b")]
    await make(client, "c")
    await client.delete(kinds.CONFIG_MAPS, "a", "default")
    assert await take(2, watching) == [("ADDED", "c"), ("DELETED", "a")]
    await watching.aclose()


async def test_a_watch_resumes_behind_its_version(client: Client) -> None:
    one, _ = await make(client, "a", "b")
    await change(client, one)
    watching = events(client, resourceVersion=one["metadata"]["resourceVersion"])
    assert await take(2, watching) == [("ADDED", "b"), ("MODIFIED", "a")]
    await watching.aclose()


async def test_every_event_carries_the_version_to_resume_from(client: Client) -> None:
    (one,) = await make(client, "a")
    await client.delete(kinds.CONFIG_MAPS, "a", "default")
    watching = events(client, resourceVersion=one["metadata"]["resourceVersion"])
    gone = await anext(watching)
    assert gone["type"] == "DELETED"
    version = gone["object"]["metadata"]["resourceVersion"]
    assert int(version) == int(one["metadata"]["resourceVersion"]) + 1
    await watching.aclose()
    await make(client, "b")
    watching = events(client, resourceVersion=version)
    assert await take(1, watching) == [("ADDED", "b")]
    await watching.aclose()


async def test_objects_come_into_a_selection_and_leave_it(client: Client) -> None:
    (one,) = await make(client, "a")
    watching = events(client, labelSelector="app=web", resourceVersion=one["metadata"]["resourceVersion"])
    following = asyncio.ensure_future(take(3, watching))
    one = await change(client, one, app="web")
    one = await change(client, one, app="web", more="1")
    await change(client, one, app="db")
    assert await following == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    await watching.aclose()


async def test_a_version_older_than_what_is_kept_is_gone(client: Client, apiserver: APIServer) -> None:
    (one,) = await make(client, "a")
    for i in range(cache_module.RING + 1):
        one = await change(client, one, n=str(i))
    watching = events(client, resourceVersion="1")
    event = await anext(watching)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert [event async for event in watching] == []


async def test_a_streaming_list_says_where_it_ends(client: Client) -> None:
    await make(client, "a", "b")
    query = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    watching = events(client, **query)
    assert await take(2, watching) == [("ADDED", "a"), ("ADDED", "b")]
    mark = await anext(watching)
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    await watching.aclose()


async def test_bookmarks_tell_how_far_the_server_is(client: Client, apiserver: APIServer) -> None:
    await make(client, "a")
    watching = events(client, allowWatchBookmarks="true")
    await take(1, watching)
    following = asyncio.ensure_future(anext(watching))
    await client.create(kinds.NAMESPACES, {"metadata": {"name": "elsewhere"}})
    for cache in apiserver.api.hub.caches():
        for group in cache.groups:
            group.bookmark(cache.revision)
    mark = await following
    assert (mark["type"], mark["object"]["kind"]) == ("BOOKMARK", "ConfigMap")
    assert mark["object"]["metadata"]["resourceVersion"] == str(apiserver.store.revision)
    await watching.aclose()


@pytest.mark.slow
async def test_a_watch_ends_with_its_timeout(client: Client) -> None:
    await make(client, "a")
    seen = [event async for event in events(client, timeoutSeconds="1")]
    assert len(seen) == 1


async def test_tables_and_metadata_can_be_watched(client: Client) -> None:
    await make(client, "a")
    for kind in ("Table", "PartialObjectMetadata"):
        watching = events(client, f"application/json;as={kind};v=v1;g=meta.k8s.io")
        event = await anext(watching)
        assert (event["type"], event["object"]["kind"]) == ("ADDED", kind)
        await watching.aclose()


async def test_many_watchers_see_the_same_changes_in_order(client: Client) -> None:
    watchings = [events(client, resourceVersion="0") for _ in range(20)]
    following = [asyncio.ensure_future(take(30, watching)) for watching in watchings]
    await asyncio.gather(*(make(client, f"a{i:02}") for i in range(30)))
    seen = await asyncio.gather(*following)
    assert all(one == seen[0] for one in seen)
    assert sorted(seen[0]) == [("ADDED", f"a{i:02}") for i in range(30)]
    for watching in watchings:
        await watching.aclose()


async def test_one_object_can_be_watched_by_its_path(client: Client) -> None:
    await make(client, "a", "b")
    response = await client.transport.request("GET", f"{CONFIG_MAPS}/b", {"watch": "1"}, {}, None)
    first = orjson.loads(await anext(response.chunks()))
    assert first["object"]["metadata"]["name"] == "b"
    response.close()


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"resourceVersion": "x"}, id="a version that is no number"),
        pytest.param({"sendInitialEvents": "true"}, id="initial events without a match"),
        pytest.param({"resourceVersionMatch": "Exact"}, id="a match without initial events"),
    ],
)
async def test_bad_watch_options_are_refused(client: Client, query: dict[str, str]) -> None:
    response = await client.transport.request("GET", CONFIG_MAPS, {"watch": "1", **query}, {}, None)
    assert response.status == 422
