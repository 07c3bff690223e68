"""The one watch through which every change reaches this process, its own writes included, in order.

    etcd ──watch from `delivered`+1──> take ──> recent   (watches resumed from a little way back)
                                            └─> publish  (live watches)
                                            └─> waiters  (writers and readers who need a revision)

When the member goes away the watch goes on at another one where it stopped. Only when etcd has meanwhile
forgotten what comes next is there a gap: then whoever follows is told to read everything anew.

A write to `marker`, which nobody else sees, gives an event where one is needed: manual progress requests
cannot be trusted before etcd 3.4.25, which may answer them before the events.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import deque
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from steersman.store.base import Entry, Event
from steersman.store.etcd import requests
from steersman.wire.etcd import etcd_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from steersman.store.etcd.members import Members

log = logging.getLogger("steersman.store.etcd")

RECENT = 2048
"""Events kept: more than the watch caches look back at their start."""
PAUSE = 0.1
"""Seconds before a broken watch is taken up again."""
END: Any = getattr(grpc.aio, "EOF")  # noqa: B009 (its stubs do not know it)
"""What a stream gives when it is over."""
NUDGE_SECONDS = 0.2
"""A revision that has no event for us by then belongs to somebody else's keys: a marker gets past it."""


class Own:
    """A write of this process on its way; `revision` is set when its event comes by."""

    __slots__ = ("deleted", "note", "revision", "value")

    def __init__(self, value: bytes, note: object, *, deleted: bool) -> None:
        self.value, self.note, self.deleted, self.revision = value, note, deleted, 0


class Follower:
    """See the module's text."""

    def __init__(
        self,
        members: Members,
        root: str,
        publish: Callable[[Sequence[Event]], None],
        gap: Callable[[int], Awaitable[int]],
    ) -> None:
        self._members, self._root, self._publish, self._gap = members, root, publish, gap
        self.marker = f"{root}steersman/marker"
        self._marker = self.marker.encode()
        self.delivered = 0
        """Every change up to this revision has been published."""
        self.last_event = 0
        """Revision of the last event, markers included; 0 when none came since the last gap."""
        self.recent: deque[Event] = deque()
        self.recent_after = 0
        """`recent` has every event after this revision."""
        self._own: dict[str, list[Own]] = {}
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    def start_after(self, revision: int) -> None:
        """Begin with the change behind a revision; before `run`."""
        self.delivered = self.recent_after = revision

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            member = self._members.current
            try:
                await self._stream(member.watch())
            except grpc.aio.AioRpcError as error:
                log.warning("the watch at etcd member %s broke: %s", member.endpoint, error.details())
                self._members.leave(member)
            await asyncio.sleep(PAUSE)

    async def _stream(self, call: Any) -> None:
        try:
            await call.write(requests.watch(self._root, self.delivered))
            while (response := await call.read()) is not END:
                if response.compact_revision:
                    log.error("etcd has forgotten revision %d: reading everything anew", self.delivered + 1)
                    await self._bridge(response.compact_revision)
                    return
                if response.canceled:
                    log.warning("etcd cancelled the watch: %s", response.cancel_reason)
                    return
                if response.events:
                    self._take(response.events)
                elif not response.created:
                    self._advance(response.header.revision)
        finally:
            call.cancel()

    def _take(self, raw: Sequence[pb.Event]) -> None:
        events = [self._event(one) for one in raw if one.kv.key != self._marker]
        self.last_event = last = raw[-1].kv.mod_revision
        if events:
            recent = self.recent
            recent.extend(events)
            while len(recent) > RECENT:
                self.recent_after = recent.popleft().entry.revision
        self.delivered = max(self.delivered, last)
        if events:
            self._publish(events)
        self._advance(last)

    def _event(self, raw: pb.Event) -> Event:
        event = event_of(raw)
        if event.entry.key in self._own:
            return replace(event, note=self._note(event))
        return event

    def _note(self, event: Event) -> object:
        """Find the write of ours that an event is the outcome of."""
        entry = event.entry
        for own in self._own[entry.key]:
            if own.revision == 0 and own.deleted == event.deleted and own.value == entry.value:
                own.revision = entry.revision
                return own.note
        return None

    def announce(self, key: str, value: bytes, note: object, *, deleted: bool = False) -> Own:
        """Say that a write is about to be made, so that its event gets its note."""
        own = Own(value, note, deleted=deleted)
        self._own.setdefault(key, []).append(own)
        return own

    def retire(self, key: str, own: Own) -> None:
        """Say that a write is over."""
        left = self._own[key]
        left.remove(own)
        if not left:
            del self._own[key]

    def refuse(self, error: Exception) -> None:
        """Fail whoever waits for a revision: nothing will come any more."""
        while self._waiters:
            done = self._waiters.pop()[2]
            if not done.done():
                done.set_exception(error)
                done.exception()  # who waited may have gone away

    def reached(self, revision: int) -> Awaitable[None]:
        """Wait until everything up to a revision has been published."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if revision <= self.delivered:
            done.set_result(None)
        else:
            heapq.heappush(self._waiters, (revision, next(self._order), done))
        return done

    def _advance(self, revision: int) -> None:
        self.delivered = max(self.delivered, revision)
        while self._waiters and self._waiters[0][0] <= self.delivered:
            done = heapq.heappop(self._waiters)[2]
            if not done.done():
                done.set_result(None)

    async def mark(self) -> None:
        """Write the marker and wait for its event."""
        write = requests.put(self.marker, b"", None, 0, show=False)
        written = await self._members.call(lambda member: member.kv.Txn, write)
        await self.reached(written.header.revision)

    async def catch_up(self, revision: int) -> None:
        """Wait for a revision that may not have an event under our root."""
        if revision <= self.delivered:
            return
        try:
            await asyncio.wait_for(self.reached(revision), NUDGE_SECONDS)
        except TimeoutError:
            await self.mark()

    async def past(self, after: int) -> list[Event]:
        """Read the changes behind a revision up to what has been published, from etcd's history.

        Raises: LostHistory, grpc.aio.AioRpcError.
        """
        if not self.last_event:
            await self.mark()
        until, events = self.last_event, list[Event]()
        call = self._members.current.watch()
        try:
            await call.write(requests.watch(self._root, after))
            while after < until and (response := await call.read()) is not END:
                if response.canceled or response.compact_revision:
                    raise LostHistory
                for raw in response.events:
                    after = raw.kv.mod_revision
                    if after <= until and raw.kv.key != self._marker:
                        events.append(event_of(raw))
        finally:
            call.cancel()
        if after < until:
            raise LostHistory
        return events

    async def _bridge(self, compacted: int) -> None:
        revision = await self._gap(compacted)
        self.recent.clear()
        self.last_event, self.recent_after = 0, revision
        self._advance(revision)


def event_of(raw: pb.Event) -> Event:
    """Return an event of etcd as one of the store; a deletion does not know when its key was created."""
    kv = raw.kv
    entry = Entry(kv.key.decode("utf-8", "replace"), kv.value, kv.mod_revision, kv.create_revision)
    return Event(entry, raw.type == pb.Event.DELETE)


class LostHistory(Exception):
    """The history asked for cannot be had from this member now."""
