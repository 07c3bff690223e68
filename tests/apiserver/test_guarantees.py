"""The guarantees of watches and revisions, through the API server over every store, with concurrent writers.

    ordered        events come in the order of their revisions
    unique         none comes twice, nor after a resumption
    reliable       every acknowledged write is an event, and every event is one of them
    atomic         the events up to a revision, put together, are the list at exactly that revision
    resumable      a watch cut off after any event and taken up there shows the rest, and the same rest
    bookmarkable   a bookmark comes after everything up to its revision; a watch from it misses nothing

Source: the etcd documentation, "KV API guarantees" and "Watch API guarantees"; Kubernetes API concepts,
"Efficient detection of changes".
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.apiserver.objects import CONFIG_MAPS, raw
from tests.store.etcd.servers import Etcd

from steersman.api import kinds
from steersman.api.errors import AlreadyExists, NotFound
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.client.rest import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from steersman.api.types import Object

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]
CHANGE = st.tuples(
    st.sampled_from(("put", "put", "delete")),
    st.sampled_from(("a", "b", "c", "d")),
    st.sampled_from(("x", "y")),
)
T = TypeVar("T")
Change = tuple[str, str, str]
WRITERS = st.lists(st.lists(CHANGE, max_size=12), min_size=1, max_size=3)


class Event(NamedTuple):
    """One event of a watch; bookmarks have no object."""

    type: str
    revision: int
    name: str
    object: Object


class World:
    """A server that runs as long as the tests of this module, in a loop of their own."""

    def __init__(self, config: APIServerConfig) -> None:
        self.runner = asyncio.Runner()
        self._stop = asyncio.Event()
        ready: asyncio.Future[Client] = self.runner.get_loop().create_future()
        self._task = self.runner.get_loop().create_task(self._serve(config, ready))
        self.client = self.runner.run(_within(ready))

    async def _serve(self, config: APIServerConfig, ready: asyncio.Future[Client]) -> None:
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(APIServer(config, listen=False))
            ready.set_result(await stack.enter_async_context(Client(server.transport())))
            await self._stop.wait()

    def close(self) -> None:
        self._stop.set()
        self.runner.run(_within(self._task))
        self.runner.close()


async def _within(waited: asyncio.Future[T]) -> T:
    async with asyncio.timeout(15):
        return await waited


@pytest.fixture(scope="module", params=["memory", "sqlite", "etcd"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory: Path = tmp_path_factory.mktemp("world")
    if request.param == "etcd":
        if shutil.which("etcd") is None:
            pytest.skip("etcd is not installed")
        with Etcd(directory) as etcd:
            yield from _world(
                APIServerConfig(store="etcd", etcd_servers=tuple(etcd.endpoints), bookmark_interval=0.0005)
            )
    else:
        database = str(directory / "state.db") if request.param == "sqlite" else ""
        yield from _world(APIServerConfig(store=request.param, database=database, bookmark_interval=0.0005))


def _world(config: APIServerConfig) -> Iterator[World]:
    world = World(config)
    yield world
    world.close()


async def perform(client: Client, changes: list[Change]) -> tuple[list[Object], list[str]]:
    """Make changes one after the other; returns the objects and the deletions that were acknowledged."""
    written, deleted = [], []
    for verb, name, label in changes:
        obj: Object = {"metadata": {"name": name, "labels": {"l": label}}}
        try:
            if verb == "delete":
                await client.delete(kinds.CONFIG_MAPS, name, "default")
                deleted.append(name)
                continue
            written.append(await client.create(kinds.CONFIG_MAPS, obj, "default"))
        except AlreadyExists:
            try:
                written.append(await client.patch(kinds.CONFIG_MAPS, name, obj, "default"))
            except NotFound:  # another writer deleted it in between
                continue
        except NotFound:
            continue
    return written, deleted


async def collect(client: Client, version: int, until: str, selector: str = "") -> list[Event]:
    """Return the events after a version up to the object named `until`, and the first bookmark behind it."""
    events: list[Event] = []
    watching = client.watch(
        kinds.CONFIG_MAPS, "default", resource_version=str(version), label_selector=selector
    )
    async with aclosing(watching), asyncio.timeout(10):
        async for event in watching:
            metadata = event.object["metadata"]
            events.append(
                Event(event.type, int(metadata["resourceVersion"]), metadata.get("name", ""), event.object)
            )
            seen = any(one.name == until for one in events)
            if seen and event.type == "BOOKMARK":
                return events
    raise AssertionError("the watch ended")


def changes_of(events: list[Event]) -> list[Event]:
    return [event for event in events if event.type != "BOOKMARK"]


def fold(events: list[Event], state: dict[str, Object] | None = None) -> dict[str, Object]:
    """Put events together, checking that each fits what came before."""
    state = dict(state or {})
    for event in events:
        assert (event.name in state) == (event.type != "ADDED")
        if event.type == "DELETED":
            del state[event.name]
        else:
            state[event.name] = event.object
    return state


async def listed(client: Client, **query: str) -> dict[str, Object]:
    """Return what a list shows, in pages of two, by name."""
    found: dict[str, Object] = {}
    query["limit"] = "2"
    while True:
        status, page = await raw(client, CONFIG_MAPS, **query)
        assert status == 200, page
        head = {"kind": "ConfigMap", "apiVersion": "v1"}
        found |= {item["metadata"]["name"]: head | item for item in page["items"]}
        if not page["metadata"].get("continue"):
            return found
        query = {"limit": "2", "continue": page["metadata"]["continue"]} | (
            {"labelSelector": query["labelSelector"]} if "labelSelector" in query else {}
        )


def check_stream(events: list[Event]) -> None:
    """Ordered and unique; bookmarks come behind everything up to them and before all that is later."""
    last = 0
    for event in events:
        assert event.revision >= last if event.type == "BOOKMARK" else event.revision > last
        last = event.revision


async def scenario(client: Client, writers: list[list[Change]], selector: str, cut: float) -> None:
    await client.delete_collection(kinds.CONFIG_MAPS, "default")
    start = int((await client.list(kinds.CONFIG_MAPS, "default"))["metadata"]["resourceVersion"])
    wanted = f"l in ({selector},mark)"
    watches = [
        asyncio.ensure_future(collect(client, start, "mark")),
        asyncio.ensure_future(collect(client, start, "mark", wanted)),
    ]
    results = await asyncio.gather(*(perform(client, changes) for changes in writers))
    results.append(await perform(client, [("put", "mark", "mark")]))
    stream, filtered = await asyncio.gather(*watches)
    events = changes_of(stream)
    check_stream(stream)
    check_stream(filtered)
    # reliable
    acknowledged = {int(obj["metadata"]["resourceVersion"]): obj for written, _ in results for obj in written}
    assert {event.revision: event.object for event in events if event.type != "DELETED"} == acknowledged
    gone = sorted(name for _, deleted in results for name in deleted)
    assert sorted(event.name for event in events if event.type == "DELETED") == gone
    # atomic
    some = events[int(cut * (len(events) - 1))]
    upto = [event for event in events if event.revision <= some.revision]
    exactly = {"resourceVersion": str(some.revision), "resourceVersionMatch": "Exact"}
    assert await listed(client, **exactly) == fold(upto)
    assert await listed(client) == fold(events)
    assert await listed(client, labelSelector=wanted) == fold(changes_of(filtered))
    # resumable
    rest = changes_of(await collect(client, some.revision, "mark")) if some.name != "mark" else []
    assert rest == events[len(upto) :]
    # bookmarkable
    for mark in [
        event for event in stream if event.type == "BOOKMARK" and event.revision < events[-1].revision
    ]:
        later = changes_of(await collect(client, mark.revision, "mark"))
        assert later == [event for event in events if event.revision > mark.revision]


@settings(max_examples=60, deadline=None, database=None)
@given(WRITERS, st.sampled_from(("x", "y", "x,y")), st.floats(0, 1))
def test_watches_and_lists_keep_their_promises(
    world: World, writers: list[list[Change]], selector: str, cut: float
) -> None:
    world.runner.run(scenario(world.client, writers, selector, cut))
