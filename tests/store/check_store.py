"""What every store promises: one suite, run over each implementation by `test_stores.py`.

A class of tests over a `store` fixture; sub-classes give the fixture. `settle` waits for a store whose
deliveries are not immediate.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from steersman.store.base import Compacted, CompareFailed, FutureRevision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.store.base import Event, Store


async def fill(store: Store, *names: str, value: bytes = b"1") -> list[int]:
    """Create keys, return their revisions."""
    return [(await store.put(f"/a/{name}", value, expect=0)).revision for name in names]


def shown(events: Sequence[Event]) -> list[tuple[str, int, bool]]:
    return [(event.entry.key, event.entry.revision, event.deleted) for event in events]


class CheckStore:
    """Sub-class it, give a `store` fixture."""

    async def test_every_write_takes_the_next_revision(self, store: Store) -> None:
        start = store.revision
        assert await fill(store, "x", "y") == [start + 1, start + 2]
        assert await store.delete("/a/x", expect=None) == start + 3
        assert store.revision == start + 3

    async def test_a_key_remembers_when_it_was_created(self, store: Store) -> None:
        (first,) = await fill(store, "x")
        changed = await store.put("/a/x", b"2", expect=first)
        assert (changed.revision, changed.created) == (first + 1, first)
        assert await store.get("/a/x") == changed

    async def test_create_fails_when_the_key_exists(self, store: Store) -> None:
        (first,) = await fill(store, "x")
        with pytest.raises(CompareFailed) as caught:
            await store.put("/a/x", b"2", expect=0)
        assert caught.value.current == first

    async def test_compare_and_swap_fails_at_another_revision(self, store: Store) -> None:
        (first,) = await fill(store, "x")
        await store.put("/a/x", b"2", expect=first)
        with pytest.raises(CompareFailed):
            await store.put("/a/x", b"3", expect=first)
        with pytest.raises(CompareFailed):
            await store.delete("/a/x", expect=first)
        entry = await store.get("/a/x")
        assert entry is not None
        assert entry.value == b"2"

    async def test_a_missing_key_cannot_be_deleted(self, store: Store) -> None:
        with pytest.raises(CompareFailed):
            await store.delete("/a/none", expect=None)

    async def test_of_concurrent_swaps_exactly_one_wins(self, store: Store) -> None:
        (first,) = await fill(store, "x")

        async def swap(i: int) -> bool:
            try:
                await store.put("/a/x", b"%d" % i, expect=first)
            except CompareFailed:
                return False
            return True

        assert sum(await asyncio.gather(*(swap(i) for i in range(20)))) == 1

    async def test_a_range_is_sorted_and_paged_at_one_revision(self, store: Store) -> None:
        await fill(store, "c", "a", "b", "d")
        await store.put("/b/x", b"1", expect=0)
        page = await store.range("/a/", limit=2)
        assert ([entry.key for entry in page.entries], page.total) == (["/a/a", "/a/b"], 4)
        await store.delete("/a/c", expect=None)
        await fill(store, "bb")
        rest = await store.range("/a/", start="/a/b\0", limit=2, revision=page.revision)
        assert [entry.key for entry in rest.entries] == ["/a/c", "/a/d"]
        now = await store.range("/a/")
        assert [entry.key for entry in now.entries] == ["/a/a", "/a/b", "/a/bb", "/a/d"]

    async def test_an_older_state_can_be_read(self, store: Store) -> None:
        (first,) = await fill(store, "x")
        await store.put("/a/x", b"2", expect=None)
        gone = await store.delete("/a/x", expect=None)
        old = await store.get("/a/x", revision=first)
        assert old is not None
        assert old.value == b"1"
        assert await store.get("/a/x", revision=gone) is None
        with pytest.raises(FutureRevision):
            await store.get("/a/x", revision=gone + 1)

    async def test_a_watch_replays_and_goes_on_without_gaps_or_doubles(self, store: Store) -> None:
        start = store.revision
        seen: list[Event] = []
        await fill(store, "x", "y")
        watching = asyncio.gather(
            store.watch("/a/", after=start, deliver=seen.extend), *(fill(store, f"k{i}") for i in range(50))
        )
        await watching
        await store.put("/other", b"1", expect=0)
        await store.delete("/a/x", expect=None)
        assert [event.entry.revision for event in seen] == [
            *range(start + 1, start + 53),
            store.revision,
        ]
        assert shown(seen)[-1] == ("/a/x", store.revision, True)

    async def test_a_watch_sees_a_write_before_its_writer_is_told(self, store: Store) -> None:
        seen: list[Event] = []
        await store.watch("", after=store.revision, deliver=seen.extend)
        entry = await store.put("/a/x", b"1", expect=0, note="mine")
        assert (seen[-1].entry, seen[-1].note) == (entry, "mine")

    async def test_a_cancelled_watch_is_silent(self, store: Store) -> None:
        seen: list[Event] = []
        watch = await store.watch("", after=store.revision, deliver=seen.extend)
        watch.cancel()
        watch.cancel()
        await fill(store, "x")
        assert seen == []

    async def test_compaction_forgets_the_past_and_keeps_the_present(self, store: Store) -> None:
        (first,) = await fill(store, "x")
        await fill(store, "gone")
        await store.delete("/a/gone", expect=None)
        await store.put("/a/x", b"2", expect=None)
        await store.compact(store.revision)
        assert [entry.key for entry in (await store.range("/a/")).entries] == ["/a/x"]
        with pytest.raises(Compacted):
            await store.range("/a/", revision=first)
        with pytest.raises(Compacted):
            await store.watch("/a/", after=first, deliver=lambda events: None)
        seen: list[Event] = []
        await store.watch("/a/", after=store.revision, deliver=seen.extend)
        await store.put("/a/x", b"3", expect=None)
        assert len(seen) == 1

    async def test_states_after_the_compaction_stay_readable(self, store: Store) -> None:
        await fill(store, "x")
        middle = (await store.put("/a/x", b"2", expect=None)).revision
        await store.put("/a/x", b"3", expect=None)
        await store.compact(middle)
        entry = await store.get("/a/x", revision=middle)
        assert entry is not None
        assert entry.value == b"2"

    async def test_keys_end_with_their_time(self, store: Store) -> None:
        await store.put("/a/short", b"1", expect=0, ttl=10)
        await store.put("/a/renewed", b"1", expect=0, ttl=10)
        await store.put("/a/renewed", b"2", expect=None)
        await fill(store, "long")
        assert await store.expire(0) == 0
        assert await store.expire(1e12) == 1
        keys = [entry.key for entry in (await store.range("/a/")).entries]
        assert keys == ["/a/long", "/a/renewed"]
