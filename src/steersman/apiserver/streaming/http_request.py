"""One HTTP/1.1 request passed on, its answer streamed back: for logs and proxies.

A connection of its own for every exchange: these are long or rare, and a fresh connection has no state to go
wrong.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httptools
from multidict import CIMultiDict

from steersman.apiserver.http.values import Streaming
from steersman.client.upgrade import dial_failure

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping

    from steersman.apiserver.http.values import Sink

PIECE = 64 * 1024
CONNECT_SECONDS = 30.0

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that concern one connection only (RFC 9110, section 7.6.1)."""


class ExchangeFailed(Exception):
    """The other side could not be reached, or does not speak HTTP."""


class _Answer:
    """What the parser has seen of the answer so far."""

    def __init__(self) -> None:
        self.headers: CIMultiDict[str] = CIMultiDict()
        self.status = 0
        self.head_done = self.done = False
        self.pieces: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Raises ExchangeFailed."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            raise ExchangeFailed("the answer changes the protocol") from error
        except httptools.HttpParserError as error:
            raise ExchangeFailed(f"malformed HTTP response: {error}") from error

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.add(name.decode("latin-1"), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self.headers.clear()  # an interim answer: the real one follows
        else:
            self.head_done = True

    def on_body(self, body: bytes) -> None:
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        self.done = self.head_done


class Exchange:
    """An open request: the answer's head is there, its body is still to be read. `close` it in the end."""

    def __init__(self, answer: _Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._answer, self._reader, self._writer = answer, reader, writer

    @classmethod
    async def open(
        cls,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: AsyncIterator[bytes] | None = None,
        tls: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> Exchange:
        """Send a request and wait for the head of its answer. Raises ExchangeFailed.

        `server_hostname`: the name in the certificate, when it is not the URL's.
        """
        parts = urlsplit(url)
        try:
            async with AsyncExitStack() as on_failure:
                async with asyncio.timeout(CONNECT_SECONDS):
                    port = parts.port or (443 if tls is not None else 80)
                    reader, writer = await asyncio.open_connection(
                        parts.hostname, port, ssl=tls, server_hostname=server_hostname
                    )
                on_failure.callback(writer.close)
                await _send(writer, method, url, headers or {}, body)
                answer = _Answer()
                while not answer.head_done:
                    data = await reader.read(PIECE)
                    if not data:
                        raise ExchangeFailed("the connection was closed before an answer")
                    answer.feed(data)
                on_failure.pop_all()
        except TimeoutError as error:
            raise ExchangeFailed(f"dial tcp {parts.netloc}: i/o timeout") from error
        except OSError as error:
            raise ExchangeFailed(dial_failure(url, error)) from error
        return cls(answer, reader, writer)

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> CIMultiDict[str]:
        return self._answer.headers

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises ExchangeFailed when it is malformed, OSError when it breaks off."""
        answer = self._answer
        while True:
            pieces, answer.pieces = answer.pieces, []
            for piece in pieces:
                yield piece
            if answer.done:
                return
            data = await self._reader.read(PIECE)
            if not data:
                return
            answer.feed(data)

    async def read(self, limit: int) -> bytes:
        """The body, at most `limit` bytes of it; closes."""
        body = bytearray()
        try:
            async for piece in self.pieces():
                body += piece
                if len(body) >= limit:
                    break
        except (ExchangeFailed, OSError):
            pass  # what came so far is what there is to show of an error
        finally:
            self.close()
        return bytes(body[:limit])

    def close(self) -> None:
        self._writer.close()

    def stream(self, content_type: str, headers: dict[str, str] | None = None) -> Streaming:
        """The answer as it arrives, no faster than the client takes it."""

        async def run(sink: Sink) -> None:
            try:
                async for piece in self.pieces():
                    sink.write(piece)
                    await sink.drain()
            except ExchangeFailed:
                sink.abort()
            finally:
                self.close()

        return Streaming(self.status, run, content_type, headers or {})


async def _send(
    writer: asyncio.StreamWriter,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: AsyncIterator[bytes] | None,
) -> None:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    sent = CIMultiDict(headers)
    sent["Host"] = parts.netloc
    sent["Connection"] = "close"
    chunked = body is not None and "Content-Length" not in sent
    if chunked:
        sent["Transfer-Encoding"] = "chunked"
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    writer.write("\r\n".join(lines).encode("latin-1"))
    if body is not None:
        async for piece in body:
            if piece:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await writer.drain()
        if chunked:
            writer.write(b"0\r\n\r\n")
    await writer.drain()
