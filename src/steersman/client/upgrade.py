"""Connections that leave HTTP behind: open one with an upgrade request, and relay two of them byte for byte.

The API server opens such connections to kubelets, and the kubelet to the container runtime's streaming
server. What is spoken after the upgrade (SPDY, WebSocket) is not looked at here. Back-pressure goes both
ways: a relay reads no more than its other side has taken.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from multidict import CIMultiDict

from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

__all__ = [
    "UpgradeFailed",
    "Upgraded",
    "dial_failure",
    "error_text",
    "forwarded_headers",
    "open_upgrade",
    "relay",
]

HEAD_LIMIT = 64 * 1024
CHUNK = 64 * 1024
ERROR_LIMIT = 64 * 1024
"""Bytes read of an answer that refuses the upgrade."""

_NOT_FORWARDED = frozenset(
    {
        "host",
        "authorization",
        "content-length",
        "transfer-encoding",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "accept-encoding",
    }
)


class UpgradeFailed(Exception):
    """The other side could not be reached, or its answer made no sense."""


@dataclass(slots=True)
class Upgraded:
    """An open connection after the answer's head; with status 101 it speaks the new protocol."""

    status: int
    headers: CIMultiDict[str]
    head: bytes
    """The head as received, with its empty line: may be passed on as it is."""
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def close(self) -> None:
        self.writer.close()


def forwarded_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers of a client's upgrade request that the next hop is to see."""
    return [
        (name, value)
        for name, value in headers
        if name.lower() not in _NOT_FORWARDED and not name.lower().startswith(("impersonate-", "x-remote-"))
    ]


async def open_upgrade(
    method: str,
    url: str,
    headers: Iterable[tuple[str, str]],
    *,
    tls: ssl.SSLContext | None = None,
    timeout: float = 30.0,
    server_hostname: str | None = None,
) -> Upgraded:
    """Connect, send the request and read the head of the answer. `timeout` (seconds) covers all of it.

    `server_hostname`: the name in the certificate, when it is not the URL's.

    Raises UpgradeFailed.
    """
    try:
        async with asyncio.timeout(timeout):
            return await _open(method, url, headers, tls, server_hostname)
    except TimeoutError as error:
        raise UpgradeFailed(f"dial tcp {urlsplit(url).netloc}: i/o timeout") from error
    except OSError as error:
        raise UpgradeFailed(dial_failure(url, error)) from error
    except (EOFError, ValueError, asyncio.LimitOverrunError) as error:
        raise UpgradeFailed(f"{urlsplit(url).netloc} gave no HTTP answer: {error}") from error


def dial_failure(url: str, error: OSError) -> str:
    """Why a connection could not be had, in the words users of Kubernetes know."""
    refused = isinstance(error, ConnectionError) and error.errno
    why = f"connect: {os.strerror(error.errno).lower()}" if refused and error.errno else str(error)
    return f"dial tcp {urlsplit(url).netloc}: {why}"


async def _open(
    method: str,
    url: str,
    headers: Iterable[tuple[str, str]],
    tls: ssl.SSLContext | None,
    server_hostname: str | None,
) -> Upgraded:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(
        parts.hostname,
        port,
        ssl=tls if secure else None,
        server_hostname=server_hostname if secure else None,
        limit=HEAD_LIMIT,
    )
    with ExitStack() as on_failure:
        on_failure.callback(writer.close)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}"]
        lines += [f"{name}: {value}" for name, value in headers]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        status, answered = _parse_head(head)
        on_failure.pop_all()
    return Upgraded(status, answered, head, reader, writer)


def _parse_head(head: bytes) -> tuple[int, CIMultiDict[str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise ValueError(f"answer begins with {first[:40]!r}")
    headers: CIMultiDict[str] = CIMultiDict()
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.add(name.strip(), value.strip())
    return int(rest[:3]), headers


async def error_text(answer: Upgraded) -> bytes:
    """The body of an answer that is not an upgrade, at most ERROR_LIMIT bytes."""
    length = answer.headers.get("Content-Length")
    if "chunked" in answer.headers.get("Transfer-Encoding", "").lower():
        return await _read_chunked(answer.reader)
    wanted = min(int(length), ERROR_LIMIT) if length and length.isdigit() else ERROR_LIMIT
    return await _read_up_to(answer.reader, wanted)


async def _read_up_to(reader: asyncio.StreamReader, wanted: int) -> bytes:
    body = bytearray()
    while len(body) < wanted and (piece := await reader.read(wanted - len(body))):
        body += piece
    return bytes(body)


async def _read_chunked(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while len(body) < ERROR_LIMIT:
        size = int((await reader.readline()).split(b";")[0].strip() or b"0", 16)
        if size == 0:
            break
        body += await _read_up_to(reader, min(size, ERROR_LIMIT))
        await reader.readline()
    return bytes(body)


async def relay(
    left: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    right: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Copy bytes both ways until one side ends; both writers are closed then.

    What a side sent before it ended has been passed on.
    """

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK):
                writer.write(data)
                await writer.drain()
        except (ConnectionError, TimeoutError, OSError):
            return  # the peer is gone: that is how these connections usually end

    try:
        async with TaskGroup() as group:
            tasks = [
                group.spawn(copy(left[0], right[1]), "relay left to right"),
                group.spawn(copy(right[0], left[1]), "relay right to left"),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
    finally:
        left[1].close()
        right[1].close()
