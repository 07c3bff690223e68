"""The watch cache: shared encodings, slow watchers, filling while the world goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from steersman.api import kinds
from steersman.api.fieldselector import parse_field_selector
from steersman.apiserver.cache import groups
from steersman.apiserver.cache.cache import LOOK_BACK, Cache
from steersman.apiserver.cache.filter import Filter
from steersman.apiserver.cache.groups import WatchGroup
from steersman.apiserver.cache.hub import Hub, prefix
from steersman.apiserver.views import stored_record
from steersman.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Hashable

    from steersman.apiserver.cache.item import EventType, Item
    from steersman.apiserver.http.values import Frame
    from steersman.store.base import Store

PREFIX = prefix(kinds.CONFIG_MAPS)


def value(name: str, **more: object) -> bytes:
    return orjson.dumps({"metadata": {"name": name, "namespace": "d", "uid": name}, **more})


async def put(store: Store, name: str) -> int:
    return (await store.put(f"{PREFIX}d/{name}", value(name), expect=None)).revision


async def cache_of(store: Store) -> Cache:
    hub = Hub(store, stored_record)
    await hub.start()
    return hub.cache(kinds.CONFIG_MAPS)


class CountingForm:
    """A format that counts what it encodes."""

    key: Hashable = "counting"

    def __init__(self) -> None:
        self.encoded = 0

    def event(self, type: EventType, item: Item) -> bytes:
        self.encoded += 1
        return f"{type} {item.name}\n".encode()

    def bookmark(self, revision: int, *, initial_end: bool = False) -> bytes:
        return b"BOOKMARK\n"


class FakeSink:
    """Keeps what it gets; `buffered` is what a test says."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.buffered = 0
        self.aborted = False

    def write_frame(self, frame: Frame) -> None:
        self.got.append(frame.data)

    def abort(self) -> None:
        self.aborted = True


async def test_watchers_that_want_the_same_share_one_encoding() -> None:
    store = MemoryStore()
    cache = await cache_of(store)
    await cache.ready()
    form, sinks = CountingForm(), [FakeSink() for _ in range(10)]
    for sink in sinks:
        WatchGroup(cache, Filter("d"), form).add(sink, bookmarks=False)  # type: ignore[arg-type]
    await put(store, "a")
    assert [sink.got for sink in sinks] == [[b"ADDED a\n"]] * 10
    assert form.encoded == 1
    assert len(cache.groups) == 1


async def test_a_watcher_that_does_not_take_its_events_is_cut_off() -> None:
    store = MemoryStore()
    cache = await cache_of(store)
    await cache.ready()
    slow, quick = FakeSink(), FakeSink()
    slow.buffered = groups.SLOW + 1
    for sink in (slow, quick):
        WatchGroup(cache, Filter(), CountingForm()).add(sink, bookmarks=False)  # type: ignore[arg-type]
    await put(store, "a")
    assert (slow.aborted, quick.aborted) == (True, False)


async def test_the_last_watcher_takes_the_group_along() -> None:
    cache = await cache_of(MemoryStore())
    await cache.ready()
    sink = FakeSink()
    home = WatchGroup(cache, Filter(), CountingForm()).add(sink, bookmarks=True)  # type: ignore[arg-type]
    home.remove(sink)  # type: ignore[arg-type]
    assert list(cache.groups) == []


async def test_changes_made_while_the_cache_fills_are_there_once() -> None:
    store = MemoryStore()
    await put(store, "before")
    cache = await cache_of(store)
    filling = asyncio.gather(cache.ready(), *(put(store, f"n{i}") for i in range(20)), cache.ready())
    await filling
    names = [item.name for item in cache.objects.select(Filter())]
    assert names == sorted(["before", *(f"n{i}" for i in range(20))])
    revisions = [event.revision for event in cache.ring]
    assert revisions == sorted(set(revisions))


async def test_a_fresh_cache_knows_the_changes_before_it() -> None:
    store = MemoryStore()
    first = await put(store, "a")
    await put(store, "b")
    await store.delete(f"{PREFIX}d/a", expect=None)
    cache = await cache_of(store)
    await cache.ready()
    seen = [(event.type, event.item.name) for event in cache.since(first)]
    assert seen == [("ADDED", "b"), ("DELETED", "a")]
    assert cache.oldest <= first
    assert LOOK_BACK >= 1000


async def test_a_cache_that_nobody_reads_keeps_nothing() -> None:
    store = MemoryStore()
    cache = await cache_of(store)
    for i in range(100):
        await put(store, f"n{i}")
    assert not cache._waiting
    await cache.ready()
    assert cache.objects.count == 100


async def test_among_many_groups_a_change_reaches_those_that_see_it() -> None:
    store = MemoryStore()
    hub = Hub(store, stored_record)
    await hub.start()
    cache = hub.cache(kinds.PODS)
    await cache.ready()
    texts = ["", *(f"spec.nodeName=n{i}" for i in range(12)), "metadata.name=a", "spec.nodeName!=n1"]
    sinks = {}
    for text in texts:
        for namespace in ("", "d", "e"):
            sinks[text, namespace] = sink = FakeSink()
            wanted = Filter(namespace, fields=parse_field_selector(text))
            WatchGroup(cache, wanted, CountingForm()).add(sink, bookmarks=False)  # type: ignore[arg-type]
    for node in ("n1", "n2"):
        await store.put(f"{prefix(kinds.PODS)}d/a", value("a", spec={"nodeName": node}), expect=None)
    expected = {
        "": b"ADDED a\nMODIFIED a\n",
        "metadata.name=a": b"ADDED a\nMODIFIED a\n",
        "spec.nodeName=n1": b"ADDED a\nDELETED a\n",
        "spec.nodeName=n2": b"ADDED a\n",
        "spec.nodeName!=n1": b"ADDED a\n",
    }
    for (text, namespace), sink in sinks.items():
        wanted_bytes = expected.get(text, b"") if namespace != "e" else b""
        assert b"".join(sink.got) == wanted_bytes, (text, namespace)


async def test_changes_the_store_has_compacted_are_let_go_of_and_quiet_watches_still_resume() -> None:
    store = MemoryStore()
    cache = await cache_of(store)
    await cache.ready()
    first, second = await put(store, "a"), await put(store, "b")
    cache.forget(first)
    assert (cache.oldest, [event.revision for event in cache.ring]) == (first, [second])
    cache.forget(second + 100)
    assert (cache.oldest, len(cache.ring)) == (second, 0)
