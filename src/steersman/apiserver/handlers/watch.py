"""WATCH: initial state or missed changes first, then live from the watch cache.

    resourceVersion missing or 0    the present objects as ADDED events, then live
    sendInitialEvents=true          the same, closed by a bookmark that says so (streaming list)
    resourceVersion=N               the changes after N, then live; 410 Expired as an event when N is too old

While a watcher catches up it is fed in pieces, with back-pressure; in the moment it has caught up it joins a
group.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson

from steersman.api.errors import ApiError, Expired, NotAcceptable
from steersman.apiserver.cache.groups import WatchGroup
from steersman.apiserver.handlers import list_options
from steersman.apiserver.handlers.read import filter_of, int_version
from steersman.apiserver.http.values import Streaming
from steersman.apiserver.representation import negotiate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from steersman.apiserver.cache.cache import Cache
    from steersman.apiserver.handlers.target import Target
    from steersman.apiserver.http.values import Sink

PIECE = 256 * 1024
"""Bytes written at a time while catching up."""
MIN_TIMEOUT = 1800.0
"""Seconds a watch lasts at least when the client sets no limit; a random share on top spreads reconnects."""


async def watch(target: Target) -> Streaming:
    """Answer with a stream of events."""
    query = target.request.query
    form = target.form()
    if form.content_type != negotiate.JSON:
        raise NotAcceptable.of((negotiate.JSON, f"{negotiate.JSON};stream=watch"))
    list_options.check(query, watch=True)
    wanted = filter_of(target)
    version, initial = query.get("resourceVersion"), _initial_events(target)
    revision = 0 if version in ("", "0") else int_version(version)
    cache = target.view.cache
    members = WatchGroup(cache, wanted, form)
    bookmarks = query.flag("allowWatchBookmarks")
    seconds = _timeout(target, query.get("timeoutSeconds"))

    async def run(sink: Sink) -> None:
        try:
            async with asyncio.timeout(seconds):
                await _stream(cache, members, sink, revision, initial, bookmarks)
        except TimeoutError:
            return
        except asyncio.CancelledError:
            sink.finish()  # the server stops: to the client an orderly end
            raise
        except ApiError as error:
            sink.write(orjson.dumps({"type": "ERROR", "object": error.to_status()}) + b"\n")

    return Streaming(200, run)


def _initial_events(target: Target) -> bool | None:
    """Return what sendInitialEvents asks for, None when it is not given."""
    query = target.request.query
    return query.flag("sendInitialEvents") if query.get("sendInitialEvents") else None


def _timeout(target: Target, text: str) -> float:
    if text.isdecimal() and int(text) > 0:
        return float(text)
    return MIN_TIMEOUT * (1.0 + target.api.random.random())


async def _stream(
    cache: Cache, members: WatchGroup, sink: Sink, revision: int, initial: bool | None, bookmarks: bool
) -> None:
    if initial or (initial is None and revision == 0):
        revision, data = cache.revision, members.initial()
        await _feed(sink, data)
        if initial and bookmarks:
            sink.write(members.bookmark_bytes(revision, initial_end=True))
    elif revision == 0:
        revision = cache.revision
    while True:
        if revision < cache.oldest:
            raise Expired(f"too old resource version: {revision} ({cache.oldest})")
        missed = list(cache.since(revision))
        if not missed:
            break
        revision = missed[-1].revision
        await _feed(sink, (members.encode((event,)) for event in missed))
    if cache.retired:
        return  # the client resumes, from what is served then
    home = members.add(sink, bookmarks=bookmarks)
    try:
        await sink.wait_closed()
    finally:
        home.remove(sink)


async def _feed(sink: Sink, pieces: Iterable[bytes]) -> None:
    """Write many small pieces as few larger ones; waits only when the peer is behind."""
    for chunk in _joined(pieces):
        sink.write(chunk)
        if sink.buffered > PIECE:
            await sink.drain()


def _joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    if size:
        yield b"".join(waiting)
