"""Requests and responses, independent of what carries them.

The listener and the in-process transport both make a `Request`, run the chain, and send what comes back,
which is one of

    Response     status, headers, whole body
    Streaming    status, headers, and a coroutine that writes to a `Sink` (watches, logs, proxies)
    Takeover     a coroutine that gets the bare connection and writes the answer itself (exec)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from steersman.apiserver.authn import User
    from steersman.apiserver.http.request_info import RequestInfo

MAX_BODY = 3 * 1024 * 1024
"""Bytes; larger bodies are refused with 413, as upstream's limit for resource requests."""


class Query:
    """The parameters of a request's query string, parsed on first use."""

    __slots__ = ("_values", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._values: dict[str, list[str]] | None = None

    def values(self) -> dict[str, list[str]]:
        """Return all parameters, values in their order."""
        if self._values is None:
            self._values = parse_qs(self.text, keep_blank_values=True) if self.text else {}
        return self._values

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a parameter."""
        if not self.text:
            return default
        values = self.values().get(name)
        return values[0] if values else default

    def all(self, name: str) -> list[str]:
        """Return every value of a parameter, in order."""
        return self.values().get(name, []) if self.text else []

    def flag(self, name: str) -> bool:
        """Read a boolean as the API's clients write it: present, and not 0 or false."""
        return bool(self.text) and name in self.values() and self.get(name).lower() not in ("0", "false")


@dataclass(slots=True)
class Peer:
    """The other end of a connection; one value lives as long as the connection."""

    address: str = ""
    certificate: bytes | None = None
    """The verified client certificate, DER."""
    memo: dict[str, Any] = field(default_factory=dict)
    """For authenticators to remember what this connection's certificate says."""


class BodyReader(Protocol):
    """Gives a request's body."""

    async def read(self, limit: int) -> bytes:
        """Return all of it; raises RequestEntityTooLarge beyond `limit` bytes."""
        ...

    def seen(self) -> bytes | None:
        """Return what `read` has returned, None before."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield it as it arrives, with back-pressure."""
        ...


@dataclass(slots=True)
class Request:
    """One request. `user`, `info` and `warnings` are filled in on the way through the chain."""

    method: str
    path: str
    """Percent-decoded."""
    query: Query
    headers: Mapping[str, str]
    """Case-insensitive."""
    reader: BodyReader
    peer: Peer
    raw_path: str = ""
    """As sent, without the query."""
    user: User | None = None
    info: RequestInfo = None  # type: ignore[assignment]
    """Set by the first steps of the chain; nothing before them may look."""
    warnings: list[str] = field(default_factory=list)
    """Texts for Warning headers, in order."""
    annotations: dict[str, str] | None = None
    """Of the audit event; None when the request is not audited."""

    async def body(self, limit: int = MAX_BODY) -> bytes:
        """Return the whole body. Raises: RequestEntityTooLarge."""
        return await self.reader.read(limit)


class Sink(Protocol):
    """Where a streaming answer goes. `write` never blocks; who writes much looks at `buffered` or awaits
    `drain`."""

    def write(self, data: bytes) -> None:
        """Send one piece, flushed at once."""
        ...

    def write_frame(self, frame: Frame) -> None:
        """Send a piece that many sinks get."""
        ...

    @property
    def buffered(self) -> int:
        """Bytes accepted and not yet taken by the peer."""
        ...

    async def drain(self) -> None:
        """Wait until the peer has taken enough. Raises ConnectionError when it is gone."""
        ...

    async def wait_closed(self) -> None:
        """Wait until the peer is gone."""
        ...

    def end(self) -> None:
        """Let whoever waits in `wait_closed` go on: there is nothing more to say."""
        ...

    def finish(self) -> None:
        """End the answer properly; whoever runs a `Streaming` calls it."""
        ...

    def abort(self) -> None:
        """Cut the connection without finishing the answer."""
        ...


class Frame:
    """Bytes for many sinks; the transfer encoding is done once."""

    __slots__ = ("_chunk", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._chunk: bytes | None = None

    @property
    def chunk(self) -> bytes:
        """The data as one chunk of HTTP/1.1's chunked encoding (RFC 9112, section 7.1)."""
        if self._chunk is None:
            self._chunk = b"%x\r\n%b\r\n" % (len(self.data), self.data)
        return self._chunk


@dataclass(slots=True)
class Response:
    """A whole answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Streaming:
    """An answer that is written piece by piece; it ends when `run` returns."""

    status: int
    run: Callable[[Sink], Awaitable[None]]
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Takeover:
    """The connection itself: `run` gets a reader and a writer past the request, writes status line and
    headers too.

    The connection is closed when `run` returns or raises.
    """

    run: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


Answer = Response | Streaming | Takeover
Handler = Callable[[Request], Awaitable[Answer]]
