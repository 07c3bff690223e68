"""HTTP/1.1 over TCP and TLS by aiohttp: the adapter between connections and the chain."""

from __future__ import annotations

import asyncio
import gzip
import logging
from typing import TYPE_CHECKING, Any

from aiohttp import web

from steersman.api.errors import BadRequest, RequestEntityTooLarge
from steersman.apiserver.http import streams
from steersman.apiserver.http.values import Peer, Query, Request, Response, Streaming, Takeover

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Sequence

    from steersman.apiserver.http.values import Frame, Handler

log = logging.getLogger("steersman.apiserver.http")
GZIP_FROM = 128 * 1024
"""Bytes from which answers are compressed for clients that accept it, as upstream."""
GZIP_LEVEL = 1
_PEERS = "steersman_peer"


class _Body:
    """Reads a request's body once and remembers it."""

    __slots__ = ("_data", "_request")

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self._data: bytes | None = None

    async def read(self, limit: int) -> bytes:
        if self._data is not None:
            return self._data
        if not self._request.body_exists:
            self._data = b""
            return b""
        length = self._request.content_length
        if length is not None and length > limit:
            raise RequestEntityTooLarge.of(limit)
        pieces, size = [], 0
        async for piece in self.chunks():
            size += len(piece)
            if size > limit:
                raise RequestEntityTooLarge.of(limit)
            pieces.append(piece)
        self._data = b"".join(pieces)
        return self._data

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._request.content.iter_any():
                yield piece
        except (web.PayloadAccessError, web.RequestPayloadError, ValueError) as error:
            raise BadRequest(f"the body of the request cannot be read: {error}") from None


class _Sink:
    """A chunked answer written straight to the connection's transport."""

    __slots__ = ("_closed", "_protocol", "_response", "_transport")

    def __init__(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        assert request.transport is not None
        self._transport = request.transport
        self._protocol: Any = request.protocol
        self._response = response
        self._closed = asyncio.Event()

    def write(self, data: bytes) -> None:
        if data and not self._transport.is_closing():
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def write_frame(self, frame: Frame) -> None:
        if not self._transport.is_closing():
            self._transport.write(frame.chunk)

    @property
    def buffered(self) -> int:
        return self._transport.get_write_buffer_size()

    async def drain(self) -> None:
        if self._transport.is_closing():
            raise ConnectionResetError("the client is gone")
        await self._protocol._drain_helper()

    async def wait_closed(self) -> None:
        await self._closed.wait()

    def finish(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"0\r\n\r\n")

    def abort(self) -> None:
        self._transport.abort()


class Listener:
    """Listens on one port of several addresses and feeds a handler."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server = web.Server(
            self._handle,  # type: ignore[arg-type]
            access_log=None,
            keepalive_timeout=600,
            handler_cancellation=True,
            max_line_size=65536,
            max_field_size=65536,
        )
        self._runner = web.ServerRunner(self._server)
        self.port = 0

    async def start(self, binds: Sequence[str], port: int, tls: ssl.SSLContext | None) -> None:
        """Listen; port 0 picks one for all addresses. Raises: OSError."""
        await self._runner.setup()
        for bind in binds:
            site = web.TCPSite(self._runner, bind, port, ssl_context=tls, backlog=1024, reuse_address=True)
            await site.start()
            port = port or self._runner.addresses[0][1]
        self.port = port

    async def stop(self, timeout: float) -> None:
        """Take no more connections, let running requests finish for `timeout` seconds, then cut."""
        for site in tuple(self._runner.sites):
            await site.stop()
        self._server.pre_shutdown()
        await self._server.shutdown(timeout)
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        answer = await self._handler(_request(request))
        if isinstance(answer, Response):
            return _plain(request, answer)
        if isinstance(answer, Streaming):
            return await _stream(request, answer)
        return await _take_over(request, answer)


def _request(request: web.BaseRequest) -> Request:
    url = request.rel_url
    return Request(
        method=request.method,
        path=url.path,
        query=Query(url.raw_query_string),
        headers=request.headers,
        reader=_Body(request),
        peer=_peer(request),
        raw_path=url.raw_path,
    )


def _peer(request: web.BaseRequest) -> Peer:
    """Return the connection's peer, made with its first request."""
    protocol: Any = request.protocol
    peer: Peer | None = protocol.__dict__.get(_PEERS) if hasattr(protocol, "__dict__") else None
    if peer is None:
        transport = request.transport
        certificate = None
        address = ""
        if transport is not None:
            tls = transport.get_extra_info("ssl_object")
            certificate = tls.getpeercert(binary_form=True) if tls is not None else None
            name = transport.get_extra_info("peername")
            address = name[0] if name else ""
        peer = Peer(address, certificate)
        if hasattr(protocol, "__dict__"):
            setattr(protocol, _PEERS, peer)
    return peer


def _plain(request: web.BaseRequest, answer: Response) -> web.Response:
    headers = {"Content-Type": answer.content_type, "Cache-Control": "no-cache, private", **answer.headers}
    body = answer.body
    if len(body) >= GZIP_FROM and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = gzip.compress(body, GZIP_LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
        headers["Vary"] = "Accept-Encoding"
    return web.Response(status=answer.status, body=body, headers=headers)


async def _stream(request: web.BaseRequest, answer: Streaming) -> web.StreamResponse:
    headers = {"Content-Type": answer.content_type, "Cache-Control": "no-cache, private", **answer.headers}
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    sink = _Sink(request, response)
    await streams.run(answer, sink)
    response._eof_sent = True  # the sink has written the last chunk itself
    return response


async def _take_over(request: web.BaseRequest, answer: Takeover) -> web.StreamResponse:
    """Hand the connection to the answer; aiohttp sees none of the bytes that follow."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client is gone")
    loop = asyncio.get_running_loop()
    http: Any = request.protocol
    reader = asyncio.StreamReader(limit=1 << 18, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    transport.resume_reading()
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    try:
        await answer.run(reader, writer)
    except ConnectionError as error:
        log.debug("a taken-over connection broke: %s", error)
    finally:
        transport.close()
        transport.set_protocol(http)
    raise ConnectionResetError("the connection was handed over and is closed")
