"""One HTTP/1.1 connection: bytes to requests by httptools, answers to bytes.

Requests of a connection are answered one after the other by its single task; pipelined ones wait, and beyond
a few the connection stops reading. A request that changes something is finished even when its client has
gone; a stream ends.

    data_received -> parser -> Request ─queue─> task: handler -> Response | Streaming | Takeover -> transport
"""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections import deque
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

import httptools

from steersman.api.errors import BadRequest
from steersman.apiserver.http import streams
from steersman.apiserver.http.body import IncomingBody
from steersman.apiserver.http.headers import Headers
from steersman.apiserver.http.sink import ConnectionSink
from steersman.apiserver.http.status import error_response
from steersman.apiserver.http.values import Peer, Query, Request, Response, Streaming
from steersman.runtime.tasks import to_thread

if TYPE_CHECKING:
    from steersman.apiserver.http.listener import Listener
    from steersman.apiserver.http.values import Answer, Takeover

log = logging.getLogger("steersman.apiserver.http")
GZIP_FROM = 128 * 1024
"""Bytes from which answers are compressed for clients that accept it, as upstream."""
GZIP_LEVEL = 1
MAX_HEAD = 64 * 1024
"""Bytes of a request's head."""
PIPELINE = 16
"""Requests read ahead."""
LINGER = 5.0
"""Seconds a client may go on sending a body that was refused, so that it reads the answer."""
_ONE_WRITE = 64 * 1024

_STATUS = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


@lru_cache(maxsize=256)
def _header_line(name: str, value: str) -> bytes:
    """Return a header as sent; most answers have the same few."""
    return f"{name}: {value}\r\n".encode("utf-8", "replace")


class Connection(asyncio.Protocol):
    """See the module's text."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Request] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._sink: ConnectionSink | None = None
        self._body: IncomingBody | None = None
        self._url = b""
        self._headers = Headers()
        self._head = 0
        self._upgraded: bytearray | None = None
        self._keep_alive = True
        self._paused = False
        self._lost = self._handed_over = False
        self.busy = False
        """A request is being answered."""
        self.since = self._loop.time()
        """When the connection last became idle."""

    # --- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        self._peer = Peer(name[0] if isinstance(name, tuple) else "", certificate)
        self._listener.connections.add(self)
        self._task = self._listener.tasks.spawn(self._serve(), "connection")

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._listener.forget(self)
        if self._body is not None and not self._body.complete:
            self._body.end("the connection is closed")
        if self._writable is not None and not self._writable.done():
            self._writable.set_exception(ConnectionResetError("the client is gone"))
            self._writable.exception()  # nobody need be waiting
        if self._sink is not None:
            self._sink.closed.set()
            self._task.cancel()
        elif not self.busy:
            self._task.cancel()
        if self._task.done():
            self._release()

    def data_received(self, data: bytes) -> None:
        if self._upgraded is not None:
            self._upgraded += data
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgraded = bytearray(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse(f"the request is not HTTP/1.1: {error}")

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    async def drain(self) -> None:
        """Wait until the peer has taken enough. Raises: ConnectionResetError."""
        if self._lost:
            raise ConnectionResetError("the client is gone")
        if self._writable is not None:
            await asyncio.shield(self._writable)

    def close_idle(self, before: float) -> None:
        """Close the connection when nothing has happened on it since a loop time."""
        if not self.busy and self.since < before:
            self._transport.close()

    def finish(self) -> None:
        """The server stops: end streams, close when idle, else after the present answer."""
        self._keep_alive = False
        if self._sink is not None or not self.busy:
            self._task.cancel()

    # --- the parser's side

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.add(name.decode("latin-1").lower(), value.decode("latin-1"))
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        headers, url = self._headers, self._url
        self._headers, self._url, self._head = Headers(), b"", 0
        raw, _, query = url.decode("latin-1").partition("?")
        length = headers.get("content-length") or ""
        self._body = IncomingBody(self._flow, int(length) if length.isdecimal() else 0)
        self._keep_alive = self._keep_alive and self._parser.should_keep_alive()
        request = Request(
            method=self._parser.get_method().decode("latin-1"),
            path=unquote(raw) if "%" in raw else raw,
            query=Query(query),
            headers=headers,
            reader=self._body,
            peer=self._peer,
            raw_path=raw,
        )
        if (headers.get("expect") or "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._queue.append(request)
        if len(self._queue) > PIPELINE:
            self._flow(False)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def on_body(self, body: bytes) -> None:
        if self._body is not None:
            self._body.feed(body)

    def on_message_complete(self) -> None:
        if self._body is not None:
            self._body.end()

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MAX_HEAD:
            raise BadRequest(f"the head of the request is over {MAX_HEAD} bytes")

    def _flow(self, go: bool) -> None:
        if go and self._paused and not self._lost:
            self._paused = False
            self._transport.resume_reading()
        elif not go and not self._paused and not self._lost:
            self._paused = True
            self._transport.pause_reading()

    def _refuse(self, why: str) -> None:
        """Answer 400 to what cannot be parsed, and close."""
        if self._body is not None and not self._body.complete:
            self._body.end(why)
        if not self.busy:
            self._write(error_response(BadRequest(why)), "", keep=False)
        self._transport.close()

    # --- the task

    async def _serve(self) -> None:
        try:
            while not self._lost:
                if not self._queue:
                    self._waiter = self._loop.create_future()
                    await self._waiter
                request = self._queue.popleft()
                if self._paused:
                    self._flow(True)
                self.busy = True
                keep = await self._answer(request)
                self.busy = False
                self.since = self._loop.time()
                if not keep:
                    return
        except ConnectionError as error:
            log.debug("connection of %s broke: %s", self._peer.address, error)
        except asyncio.CancelledError:
            if not self._lost and not self._listener.stopping:
                raise
        finally:
            self._listener.forget(self)
            self._transport.close()
            if self._lost or self._handed_over:
                self._release()

    def _release(self) -> None:
        """Let go of what refers back to this connection, once nothing comes any more and nobody answers.

        Otherwise it stays, with the 256 KiB of buffers that TLS has for it, until cycles are collected.
        """
        self._body = self._waiter = None
        self._queue.clear()
        with suppress(AttributeError):  # the second time
            del self._parser

    async def _answer(self, request: Request) -> bool:
        """Answer one request; returns whether the connection goes on."""
        answer = await self._listener.handler(request)
        body = cast("IncomingBody", request.reader)
        if isinstance(answer, Response):
            keep = self._keep_alive and not self._lost and body.complete
            if len(answer.body) >= GZIP_FROM and "gzip" in request.headers.get("accept-encoding", ""):
                answer = await _compressed(answer)
            self._write(answer, request.method, keep=keep)
            if self._writable is not None:
                await self.drain()
            if not body.complete:
                await self._linger(body)
            elif keep and self._upgraded is not None:
                self._downgrade()
            return keep
        if isinstance(answer, Streaming):
            return await self._stream(answer)
        await self._hand_over(answer)
        return False

    async def _linger(self, body: IncomingBody) -> None:
        try:
            async with asyncio.timeout(LINGER):
                await body.wait_complete()
        except TimeoutError:
            log.debug("%s goes on sending a refused body", self._peer.address)

    def _downgrade(self) -> None:
        """The client offered an upgrade that was not taken: what follows is HTTP again."""
        rest, self._upgraded = self._upgraded, None
        self._parser = httptools.HttpRequestParser(self)
        if rest:
            self.data_received(bytes(rest))

    def _write(self, answer: Response, method: str, *, keep: bool) -> None:
        body = answer.body
        head = self._head_of(answer, answer.headers, b"Content-Length: %d\r\n" % len(body), keep)
        if method == "HEAD":
            self._transport.write(head)
        elif len(body) < _ONE_WRITE:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    def _head_of(self, answer: Answer, headers: dict[str, str], length: bytes, keep: bool) -> bytes:
        assert isinstance(answer, (Response, Streaming))
        lines = [
            _STATUS.get(answer.status) or b"HTTP/1.1 %d Unknown\r\n" % answer.status,
            b"Content-Type: "
            if "Cache-Control" in headers
            else b"Cache-Control: no-cache, private\r\nContent-Type: ",
            answer.content_type.encode("latin-1"),
            b"\r\n",
            self._listener.date,
            length,
        ]
        for name, value in headers.items():
            lines.append(_header_line(name, value))
        lines.append(b"\r\n" if keep else b"Connection: close\r\n\r\n")
        return b"".join(lines)

    async def _stream(self, answer: Streaming) -> bool:
        head = self._head_of(answer, answer.headers, b"Transfer-Encoding: chunked\r\n", self._keep_alive)
        self._transport.write(head)
        self._sink = sink = ConnectionSink(self, self._transport, self._listener.flusher)
        try:
            if not self._lost:
                await streams.run(answer, sink)
        finally:
            self._sink = None
        return self._keep_alive and not self._lost

    async def _hand_over(self, answer: Takeover) -> None:
        """Give the connection to the answer; what the client has already sent beyond the request comes
        first."""
        reader = asyncio.StreamReader(limit=1 << 18, loop=self._loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self._loop)
        if self._lost:
            return
        self._flow(True)
        self._transport.set_protocol(protocol)
        self._handed_over = True
        protocol.connection_made(self._transport)
        if self._upgraded:
            reader.feed_data(bytes(self._upgraded))
        self._listener.forget(self)
        writer = asyncio.StreamWriter(self._transport, protocol, reader, self._loop)
        try:
            await answer.run(reader, writer)
        except Exception:  # BLE001: logged; only this connection ends
            log.exception("a taken-over connection failed")
        finally:
            writer.close()


async def _compressed(answer: Response) -> Response:
    """Compress in a thread: zlib lets go of the interpreter, and others are answered meanwhile."""
    body = await to_thread(gzip.compress, answer.body, GZIP_LEVEL, mtime=0)
    headers = {**answer.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(answer.status, body, answer.content_type, headers)
