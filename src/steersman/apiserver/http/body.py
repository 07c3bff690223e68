"""A request's body as it arrives on a connection."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from steersman.api.errors import BadRequest, RequestEntityTooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

HIGH = 256 * 1024
"""Bytes waiting from which the connection stops reading."""


class IncomingBody:
    """Fed by the connection, read once by the handler (`read` remembers). `flow(True)` resumes the
    connection."""

    __slots__ = (
        "_announced",
        "_data",
        "_flow",
        "_pieces",
        "_size",
        "_waiter",
        "broken",
        "complete",
        "discard",
    )

    def __init__(self, flow: Callable[[bool], None], announced: int) -> None:
        self._flow = flow
        self._announced = announced
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self._data: bytes | None = None
        self.complete = False
        self.broken = ""
        self.discard = False
        """Nobody will read what still comes."""

    def feed(self, piece: bytes) -> None:
        """Take a piece from the connection."""
        if self.discard:
            return
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > HIGH:
            self._flow(False)
        self._wake()

    def end(self, broken: str = "") -> None:
        """Note that all of it has come, or that the rest never will."""
        self.complete = True
        self.broken = broken
        self._wake()

    async def read(self, limit: int) -> bytes:
        """Return all of it. Raises: RequestEntityTooLarge, BadRequest."""
        if self._data is None:
            if self._announced > limit:
                raise RequestEntityTooLarge.of(limit)
            if self.complete and not self.broken:
                data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
                self._pieces.clear()
            else:
                data = await self._gather(limit)
            if len(data) > limit:
                raise RequestEntityTooLarge.of(limit)
            self._data = data
        return self._data

    def seen(self) -> bytes | None:
        """Return what `read` has returned, None before."""
        return self._data

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield it as it arrives. Raises: BadRequest when the client breaks off."""
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._size -= len(piece)
                if self._size <= HIGH:
                    self._flow(True)
                yield piece
            if self.broken:
                raise BadRequest(f"the body of the request ended too early: {self.broken}")
            if self.complete:
                return
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    async def wait_complete(self) -> None:
        """Wait until the client has sent everything, for nobody to read."""
        self.discard = True
        self._pieces.clear()
        self._flow(True)
        while not self.complete:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    async def _gather(self, limit: int) -> bytes:
        pieces, size = [], 0
        async for piece in self.chunks():
            size += len(piece)
            if size > limit:
                raise RequestEntityTooLarge.of(limit)
            pieces.append(piece)
        return b"".join(pieces)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
