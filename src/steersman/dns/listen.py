"""The sockets of the server: questions in, bytes out, over UDP and TCP. Knows nothing of what the answers
are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import TYPE_CHECKING, Any

from dnslib import CLASS, OPCODE, RCODE, DNSError

from steersman.dns.message import NOTIMP, REFUSED, failure, packed, parse_query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from steersman.dns.chain import Handler
    from steersman.runtime.tasks import TaskGroup

__all__ = ["bound", "listening"]

log = logging.getLogger("steersman.dns.listen")

MOST_AT_ONCE = 2000
"""UDP questions under way; more are dropped, the client asks again."""
IDLE_SECONDS = 10.0
"""A TCP connection without a question for so long is closed."""
IP_FREEBIND = 15
"""Bind an address that is not there yet (linux/in.h)."""


@contextlib.asynccontextmanager
async def listening(address: str, port: int, handler: Handler, group: TaskGroup) -> AsyncIterator[int]:
    """Answer on `address` within the block; yields the port (for `port` 0). Questions are tasks of `group`.

    Raises: OSError when the address and port are taken.
    """
    loop = asyncio.get_running_loop()
    tcp = bound(socket.SOCK_STREAM, address, port)
    port = tcp.getsockname()[1]
    try:
        udp = bound(socket.SOCK_DGRAM, address, port)
    except OSError:
        tcp.close()
        raise
    transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(handler, group), sock=udp)
    server = await asyncio.start_server(lambda r, w: _serve_tcp(r, w, handler), sock=tcp)
    try:
        yield port
    finally:
        server.close()
        transport.close()


def bound(kind: int, address: str, port: int) -> socket.socket:
    """A bound socket. Raises: OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, kind | socket.SOCK_NONBLOCK)
    try:
        made.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind == socket.SOCK_STREAM))
        made.bind((address, port))
    except OSError:
        made.close()
        raise
    return made


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, handler: Handler, group: TaskGroup) -> None:
        self._handler = handler
        self._group = group
        self._under_way = 0
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self._under_way < MOST_AT_ONCE:
            self._under_way += 1
            self._group.spawn(self._answer(data, addr), "dns question")

    def error_received(self, exc: Exception) -> None:
        log.debug("a client did not take its answer: %s", exc)

    async def _answer(self, data: bytes, addr: Any) -> None:
        try:
            answer = await answer_bytes(data, "udp", self._handler)
            if answer and not self._transport.is_closing():
                self._transport.sendto(answer, addr)
        except OSError as error:
            self.error_received(error)
        finally:
            self._under_way -= 1


async def _serve_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    """Answer the questions of one connection, one after the other."""
    try:
        while True:
            async with asyncio.timeout(IDLE_SECONDS):
                size = int.from_bytes(await reader.readexactly(2), "big")
                data = await reader.readexactly(size)
            answer = await answer_bytes(data, "tcp", handler)
            if not answer:
                return
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, TimeoutError, ConnectionError) as error:
        log.debug("a TCP client left: %r", error)
    finally:
        writer.close()


async def answer_bytes(data: bytes, transport: str, handler: Handler) -> bytes:
    """The answer to a datagram; a format error for what is no question, nothing for what is not even a
    header."""
    try:
        query = parse_query(data, transport)
    except (DNSError, ValueError, IndexError, UnicodeError) as error:
        log.debug("not a question: %r", error)
        return without_answer(data, RCODE.FORMERR)
    header, question = query.record.header, query.record.questions[0]
    if header.opcode != OPCODE.QUERY:
        return packed(query, failure(NOTIMP))
    if question.qclass != CLASS.IN:
        return packed(query, failure(REFUSED))
    reply = await handler(query)
    try:
        return packed(query, reply)
    except Exception:  # BLE001: an odd record from upstream must not end the server
        log.exception("cannot write the answer about %s", query.name)
        return without_answer(data, RCODE.SERVFAIL)


def without_answer(data: bytes, rcode: int) -> bytes:
    """An error with the identifier of what came in; empty when that is an answer or too short (RFC 1035,
    4.1.1)."""
    if len(data) < 12 or data[2] & 0x80:
        return b""
    return data[:2] + bytes((0x80 | (data[2] & 0x79), 0x80 | rcode)) + bytes(8)
