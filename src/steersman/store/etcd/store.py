"""`EtcdStore`: the `Store` over an etcd cluster.

Writes are transactions that compare and swap at the key's revision. They are acknowledged when etcd has them
and the follower has brought their event, so that a writer's own watch caches know them too. What others
write arrives the same way, a little after etcd told them; `catch_up` closes that gap for readers.

A write whose answer was lost is asked again: that it finds its own value in place then means that it had been
done. Compaction by any of the servers is safe for all: each asks for what it saw an interval ago.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from steersman.runtime.backoff import Backoff
from steersman.runtime.tasks import TaskGroup, to_thread
from steersman.store.base import (
    Compacted,
    CompareFailed,
    Entry,
    FutureRevision,
    Range,
    StoreUnavailable,
)
from steersman.store.etcd import requests
from steersman.store.etcd.follower import RECENT, Follower, LostHistory
from steersman.store.etcd.leases import Leases
from steersman.store.etcd.members import (
    TLS,
    LeaseGone,
    Member,
    Members,
    RevisionAhead,
    RevisionCompacted,
    meaning,
)
from steersman.store.feeds import Feed, Feeds
from steersman.wire.etcd import etcd_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from steersman.store.base import Event

PAGE = 1000
"""Keys fetched in one answer."""
HISTORY_TRIES = 3
"""Attempts at a replay whose member goes away."""


def _kv_range(member: Member) -> Any:
    return member.kv.Range


def _kv_txn(member: Member) -> Any:
    return member.kv.Txn


class EtcdStore:
    """A `Store` shared with other processes; make it with `open`."""

    shared = True

    def __init__(self, members: Members, root: str) -> None:
        self._members, self._root = members, root
        self._feeds = Feeds()
        self._follower = Follower(members, root, self._feeds.publish, self._gap)
        self._leases = Leases(members)
        self._stack = AsyncExitStack()
        self._tasks: TaskGroup
        self._compacted = 1
        self._asking: asyncio.Future[int] | None = None
        self._closed = False

    @classmethod
    async def open(cls, endpoints: Sequence[str], *, root: str = "", tls: TLS | None = None) -> EtcdStore:
        """Connect to a cluster; `root` is what all keys begin with. Raises: StoreUnavailable."""
        store = cls(Members(endpoints, tls), root)
        try:
            await store._start()
        except BaseException:  # what was started is taken down, and it is raised again
            await store.close()
            raise
        return store

    async def _start(self) -> None:
        self._stack.push_async_callback(self._members.close)
        now = await self._ask_revision()
        self._compacted = await self._find_compacted(now)
        self._follower.start_after(max(self._compacted, now - RECENT))
        self._tasks = await self._stack.enter_async_context(TaskGroup())

        async def stop() -> None:
            self._tasks.cancel_all()

        self._stack.push_async_callback(stop)
        restart = Backoff(0.1, 2.0, 5.0)
        self._tasks.forever(self._follower.run, "etcd follower", restart=restart)
        await self._follower.mark()

    @property
    def revision(self) -> int:
        """The last revision that has been delivered."""
        return self._follower.delivered

    @property
    def compacted(self) -> int:
        """The oldest readable revision, as far as is known: others may compact too."""
        return self._compacted

    async def put(
        self, key: str, value: bytes, *, expect: int | None, ttl: float | None = None, note: object = None
    ) -> Entry:
        """See `Store.put`."""
        self._check_open()
        own = self._follower.announce(key, value, note)
        try:
            found, revision = await self._put(key, value, expect, ttl)
            await self._follower.reached(revision)
        finally:
            self._follower.retire(key, own)
        return Entry(key, value, found.mod_revision, found.create_revision)

    async def _put(
        self, key: str, value: bytes, expect: int | None, ttl: float | None
    ) -> tuple[pb.KeyValue, int]:
        """Return the key as it is after the write, and the revision. Raises: CompareFailed."""
        lease = 0 if ttl is None else await self._leases.attach(ttl)
        request = requests.put(key, value, expect, lease, show=False)
        try:
            reply = await self._members.ask(_kv_txn, request)
        except LeaseGone:
            self._leases.forget(lease)
            return await self._put(key, value, expect, ttl)
        response: pb.TxnResponse = reply.value
        if response.succeeded:
            return response.responses[1].response_range.kvs[0], response.header.revision
        current = _first(response.responses[0].response_range)
        if reply.repeated and current is not None and current.mod_revision > (expect or 0):
            there = _first(await self._members.call(_kv_range, requests.one(key)))
            if there is not None and there.value == value:
                return there, there.mod_revision
        raise CompareFailed(key, expect or 0, current.mod_revision if current else 0)

    async def delete(self, key: str, *, expect: int | None, note: object = None) -> int:
        """See `Store.delete`."""
        self._check_open()
        own = self._follower.announce(key, b"", note, deleted=True)
        try:
            reply = await self._members.ask(_kv_txn, requests.delete(key, expect))
            response: pb.TxnResponse = reply.value
            revision = response.header.revision
            if not response.succeeded:
                current = _first(response.responses[0].response_range)
                if current is not None or not reply.repeated:
                    raise CompareFailed(key, expect or 0, current.mod_revision if current else 0)
            await self._follower.catch_up(revision)
            return own.revision or revision
        finally:
            self._follower.retire(key, own)

    async def get(self, key: str, *, revision: int = 0) -> Entry | None:
        """See `Store.get`."""
        self._check_open()
        found = _first(await self._read(requests.one(key, revision), revision))
        return None if found is None else _entry(found)

    async def range(self, prefix: str, *, start: str = "", limit: int = 0, revision: int = 0) -> Range:
        """See `Store.range`."""
        self._check_open()
        entries: list[Entry] = []
        total, more = 0, True
        while more:
            size = min(limit - len(entries), PAGE) if limit else PAGE
            page = await self._read(requests.keys(prefix, start, limit=size, revision=revision), revision)
            total = total or page.count
            revision = revision or page.header.revision
            entries.extend(_entry(found) for found in page.kvs)
            more = page.more and (not limit or len(entries) < limit)
            if more:
                start = entries[-1].key + "\0"
        return Range(entries, revision, total)

    async def _read(self, request: pb.RangeRequest, revision: int) -> Any:
        """Read, linearizably. Raises: Compacted, FutureRevision, StoreUnavailable."""
        try:
            return await self._members.call(_kv_range, request)
        except RevisionCompacted:
            self._compacted = await self._find_compacted(await self._ask_revision())
            raise Compacted(revision, self._compacted) from None
        except RevisionAhead:
            raise FutureRevision(revision, self.revision) from None

    async def watch(
        self,
        prefix: str,
        *,
        after: int,
        deliver: Callable[[Sequence[Event]], None],
        lost: Callable[[int], Awaitable[None]] | None = None,
    ) -> Feed:
        """See `Store.watch`."""
        self._check_open()
        if after < self._compacted:
            raise Compacted(after, self._compacted)
        feed = self._feeds.add(prefix, deliver, lost)
        try:
            events = await self._past(after)
        except BaseException:
            feed.cancel()
            raise
        feed.start([one for one in events if one.entry.key.startswith(prefix)])
        return feed

    async def check(self) -> None:
        """See `Store.check`: etcd has a leader, or does not answer this."""
        await self._ask_revision()

    async def _past(self, after: int) -> Sequence[Event]:
        """Return what happened behind a revision: from memory, else from etcd."""
        follower = self._follower
        if after >= follower.recent_after:
            return [event for event in follower.recent if event.entry.revision > after]
        for _ in range(HISTORY_TRIES):
            member = self._members.current
            try:
                return await follower.past(after)
            except grpc.aio.AioRpcError:
                self._members.leave(member)
            except LostHistory:
                self._compacted = await self._find_compacted(await self._ask_revision())
                if after < self._compacted:
                    raise Compacted(after, self._compacted) from None
        raise StoreUnavailable("etcd's history cannot be read now")

    async def compact(self, revision: int) -> None:
        """See `Store.compact`."""
        if revision <= self._compacted:
            return
        try:
            await self._members.call(
                lambda member: member.kv.Compact, pb.CompactionRequest(revision=revision)
            )
        except RevisionCompacted:  # another server was faster
            self._compacted = await self._find_compacted(await self._ask_revision())
        except RevisionAhead:
            raise FutureRevision(revision, self.revision) from None
        self._compacted = max(self._compacted, revision)

    async def expire(self, now: float) -> int:
        """See `Store.expire`; etcd does it by itself, this only makes it prompt."""
        keys, revision = await self._leases.end(now)
        if revision:
            await self._follower.catch_up(revision)
        return keys

    def stale(self, key: str) -> bool:
        """See `Store.stale`: there is one form."""
        return False

    async def catch_up(self) -> None:
        """See `Store.catch_up`. Callers that come while etcd is being asked share the next question."""
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_future()
            self._tasks.spawn(self._answer(), "etcd catch-up")
        await self._follower.catch_up(await asyncio.shield(self._asking))

    async def _answer(self) -> None:
        await asyncio.sleep(0)  # everything that the present turn of the loop asks shares the answer
        asking, self._asking = self._asking, None
        assert asking is not None
        try:
            asking.set_result(await self._ask_revision())
        except StoreUnavailable as error:
            asking.set_exception(error)
            asking.exception()  # those who asked may have gone away
        finally:
            if not asking.done():
                asking.cancel()  # the store is being closed

    async def snapshot(self, path: str) -> None:
        """See `Store.snapshot`: a file for `etcdutl snapshot restore`."""
        target = Path(path)
        partial = target.with_name(target.name + ".partial")
        try:
            with partial.open("wb") as file:
                async for part in self._members.current.maintenance.Snapshot(pb.SnapshotRequest()):
                    await to_thread(file.write, part.blob)
                file.flush()
                await to_thread(os.fsync, file.fileno())
            partial.replace(target)
        except grpc.aio.AioRpcError as error:
            raise meaning(error) from error
        except OSError as error:
            raise StoreUnavailable(f"{path} cannot be written: {error}") from error
        finally:
            partial.unlink(missing_ok=True)

    async def close(self) -> None:
        """Stop following and let go of the connections; whoever waits is refused."""
        if not self._closed:
            self._closed = True
            self._follower.refuse(StoreUnavailable("the store is closed"))
            await self._stack.aclose()

    async def _gap(self, compacted: int) -> int:
        """Have everybody read anew; returns the revision from which the follower goes on."""
        revision = await self._ask_revision()
        self._compacted = max(self._compacted, compacted)
        await self._feeds.lose(revision)
        return revision

    async def _ask_revision(self) -> int:
        """Return the revision the cluster as a whole has reached."""
        answer = await self._members.call(_kv_range, requests.probe(self._follower.marker))
        revision: int = answer.header.revision
        return revision

    async def _find_compacted(self, now: int) -> int:
        """Find the oldest readable revision by halves: etcd does not tell it."""
        low, high = max(self._compacted, 1), now
        while low < high:
            middle = (low + high) // 2 if low > self._compacted else low
            try:
                await self._members.call(_kv_range, requests.probe(self._follower.marker, middle))
                high = middle
            except RevisionCompacted:
                low = middle + 1
        return high

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")


def _first(page: pb.RangeResponse) -> pb.KeyValue | None:
    return page.kvs[0] if page.kvs else None


def _entry(found: pb.KeyValue) -> Entry:
    return Entry(found.key.decode(), found.value, found.mod_revision, found.create_revision)
