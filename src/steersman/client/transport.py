"""How requests reach an API server: over HTTP(S) or a unix socket here, in-process in `apiserver` (same
protocol).

A transport carries bytes and knows the identity (certificate or token); `rest.Client` gives them meaning. A
transport never retries. Connections are kept alive, watched by TCP keep-alive so that a peer that lost power
is noticed, and never compressed: API servers are near and CPU is dearer.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from steersman.client.auth import Credentials

__all__ = ["ConnectionFailed", "HTTPTransport", "RawResponse", "Transport"]

_DEAD_PEER = (
    20  # seconds without an answer to keep-alive probes (or unacknowledged data) until a connection is dead
)


class ConnectionFailed(Exception):
    """The API server could not be reached, or the connection broke before the answer was complete."""


class RawResponse(Protocol):
    """An answer whose body is still to be read. Exactly one of `read` or `chunks` is used, then `close`."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    async def read(self) -> bytes:
        """The whole body. Raises: ConnectionFailed."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, cut anywhere. Raises: ConnectionFailed."""
        ...

    def close(self) -> None:
        """Give the connection up (or back, when the body was read to its end). Idempotent."""
        ...


class Transport(Protocol):
    async def request(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes | None
    ) -> RawResponse:
        """Send one request. `path` is already percent-encoded. Raises: ConnectionFailed."""
        ...

    async def aclose(self) -> None: ...


class _HTTPResponse:
    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers

    async def read(self) -> bytes:
        try:
            return await self._response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ConnectionFailed(_text(error)) from error

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ConnectionFailed(_text(error)) from error

    def close(self) -> None:
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class HTTPTransport:
    """HTTP/1.1 over TCP, TLS or a unix socket by aiohttp; one session for everything in the process.

    `server` is `https://host:port[/prefix]`, `http://…` or `unix:/path/to/socket`. `connect_timeout` is in
    seconds.
    """

    def __init__(
        self, server: str, credentials: Credentials | None = None, *, connect_timeout: float = 10.0
    ) -> None:
        self.server = server.rstrip("/")
        self._unix = self.server.removeprefix("unix:") if self.server.startswith("unix:") else ""
        self._base = "http://localhost" if self._unix else self.server
        self._credentials = credentials
        self._server_name = (credentials.server_name or None) if credentials is not None else None
        self._connect_timeout = connect_timeout
        self._session: aiohttp.ClientSession | None = None
        self._generation = 0

    async def request(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes | None
    ) -> RawResponse:
        session = await self._ready_session()
        target = f"{self._base}{path}?{urlencode(query)}" if query else self._base + path
        sent = dict(headers)
        if self._credentials is not None:
            sent.update(self._credentials.headers())
        try:
            response = await session.request(
                method,
                URL(target, encoded=True),
                headers=sent,
                data=body,
                allow_redirects=False,
                server_hostname=self._server_name,
            )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ConnectionFailed(f"{self.server}: {_text(error)}") from error
        return _HTTPResponse(response)

    async def aclose(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ready_session(self) -> aiohttp.ClientSession:
        """The session; a new one when the client certificate has been renewed on disk."""
        generation = self._credentials.refresh() if self._credentials is not None else 0
        session = self._session
        if session is None or session.closed or generation != self._generation:
            old = session
            self._generation = generation
            session = self._session = self._new_session()
            if old is not None and not old.closed:
                # Requests in flight keep their connection until they end; only idle ones are dropped.
                asyncio.get_running_loop().call_later(300, _close_connector, old)
        return session

    def _new_session(self) -> aiohttp.ClientSession:
        connector: aiohttp.BaseConnector
        if self._unix:
            connector = aiohttp.UnixConnector(self._unix, limit=0)
        else:
            context = self._credentials.ssl_context() if self._credentials is not None else None
            connector = aiohttp.TCPConnector(
                limit=0,
                ssl=context if context is not None else True,
                keepalive_timeout=60,
                use_dns_cache=False,
                socket_factory=_socket,
            )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
            skip_auto_headers=("Accept-Encoding", "User-Agent", "Content-Type"),
            auto_decompress=True,
            read_bufsize=1 << 16,
        )


def _socket(address: Any) -> socket.socket:
    """A TCP socket that notices a dead peer within `_DEAD_PEER` seconds."""
    family, kind, protocol, _, _ = address
    sock = socket.socket(family, kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _DEAD_PEER // 2)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _DEAD_PEER // 4)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_PEER * 1000)
    return sock


def _close_connector(session: aiohttp.ClientSession) -> None:
    connector = session.connector
    session.detach()
    if connector is not None:
        connector.close()


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__
