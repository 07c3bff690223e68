"""The chain without a network: a `client.Transport` inside the process."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

from multidict import CIMultiDict

from steersman.api.errors import BadRequest, RequestEntityTooLarge
from steersman.apiserver.http.status import error_response
from steersman.apiserver.http.values import Peer, Query, Request, Response, Streaming

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from steersman.apiserver.authn import User
    from steersman.apiserver.http.streams import Streams
    from steersman.apiserver.http.values import Frame, Handler

LIMIT = 1 << 20
"""Bytes a stream may be ahead of its reader before `drain` waits."""


class _Body:
    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(self, limit: int) -> bytes:
        if len(self._data) > limit:
            raise RequestEntityTooLarge.of(limit)
        return self._data

    def seen(self) -> bytes | None:
        return self._data

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._data


class _Pipe:
    """A sink on one side, chunks on the other."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()
        self._closed = asyncio.Event()
        self._finished = self._aborted = False
        self.buffered = 0

    def write(self, data: bytes) -> None:
        if data and not self._closed.is_set():
            self._pieces.append(data)
            self.buffered += len(data)
            self._changed.set()

    def write_frame(self, frame: Frame) -> None:
        self.write(frame.data)

    async def drain(self) -> None:
        while self.buffered > LIMIT and not self._closed.is_set():
            self._taken.clear()
            await self._taken.wait()
        if self._closed.is_set():
            raise ConnectionResetError("the reader is gone")

    async def wait_closed(self) -> None:
        await self._closed.wait()

    def abort(self) -> None:
        self._aborted = True
        self.close()

    def end(self) -> None:
        """Let the answer come to its end; what was written can still be read."""
        self._closed.set()

    def finish(self) -> None:
        """No more pieces will come."""
        self._finished = True
        self._changed.set()

    def close(self) -> None:
        """The reader is gone."""
        self._closed.set()
        self._taken.set()
        self._changed.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what was written, until the end."""
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self.buffered -= len(piece)
                self._taken.set()
                yield piece
            if self._finished or self._closed.is_set():
                return
            self._changed.clear()
            await self._changed.wait()


class MemoryResponse:
    """A whole or a streaming answer, as `client.RawResponse`."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes | _Pipe) -> None:
        self.status, self.headers = status, headers
        self._body = body

    async def read(self) -> bytes:
        """Return the whole body."""
        if isinstance(self._body, bytes):
            return self._body
        return b"".join([piece async for piece in self._body.pieces()])

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it is written."""
        if isinstance(self._body, bytes):
            yield self._body
            return
        async for piece in self._body.pieces():
            yield piece

    def close(self) -> None:
        """Give up the rest."""
        if isinstance(self._body, _Pipe):
            self._body.close()


class MemoryTransport:
    """Requests go straight into a handler. With a `user`, everything is asked as that user."""

    def __init__(self, handler: Handler, streams: Streams, user: User | None = None) -> None:
        self._handler, self._streams, self._user = handler, streams, user
        self._peer = Peer("127.0.0.1")

    async def request(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes | None
    ) -> MemoryResponse:
        """Send one request. `path` is percent-encoded."""
        request = Request(
            method=method,
            path=unquote(path),
            query=Query(urlencode(query)),
            headers=CIMultiDict(headers),
            reader=_Body(body or b""),
            peer=self._peer,
            raw_path=path,
            user=self._user,
        )
        answer = await self._handler(request)
        if isinstance(answer, Streaming):
            pipe = _Pipe()
            self._streams.start(answer, pipe)
            return MemoryResponse(answer.status, _headers(answer), pipe)
        if not isinstance(answer, Response):
            answer = error_response(BadRequest("upgrades need a network connection"))
        return MemoryResponse(answer.status, _headers(answer), answer.body)

    async def aclose(self) -> None:
        """Nothing is held."""


def _headers(answer: Response | Streaming) -> CIMultiDict[str]:
    return CIMultiDict({"Content-Type": answer.content_type, **answer.headers})
