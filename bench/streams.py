"""What is not requests a second: filling, long lists, and watches; by bare connections."""

from __future__ import annotations

import asyncio
import json
import ssl
import statistics
import time
from typing import TYPE_CHECKING

from bench.objects import config_map, pod

if TYPE_CHECKING:
    from bench.server import Server

WRITERS = 16
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(server: Server) -> Connection:
    """Open a connection; the buffer is large enough for any answer to be read in few pieces."""
    context = ssl._create_unverified_context()
    return await asyncio.open_connection("127.0.0.1", server.port, ssl=context, limit=1 << 24)


def head(server: Server, method: str, path: str, size: int = 0) -> bytes:
    """Return the head of a request."""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {server.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    ).encode()


async def send(server: Server, to: Connection, method: str, path: str, body: bytes = b"") -> bytes:
    """Send one request and return the answer's body. Raises: SystemExit when it is refused."""
    reader, writer = to
    writer.write(head(server, method, path, len(body)) + body)
    lines = (await reader.readuntil(b"\r\n\r\n")).lower()
    data = await reader.readexactly(int(lines.partition(b"content-length:")[2].split()[0]))
    if lines.split()[1][:1] != b"2":
        raise SystemExit(f"{method} {path}: {data[:300]!r}")
    return data


async def fill(server: Server, pods: int) -> float:
    """Create pods in the namespace `full`; returns pods a second."""
    numbers = iter(range(pods))

    async def work() -> None:
        connection = await connect(server)
        for i in numbers:
            body = json.dumps(pod(f"p-{i:06d}", i)).encode()
            await send(server, connection, "POST", "/api/v1/namespaces/full/pods", body)
        connection[1].close()

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(work())
    return pods / (time.perf_counter() - begun)


async def listing(server: Server, query: str, times: int) -> float:
    """Return the median milliseconds of a list of the namespace `full`."""
    connection = await connect(server)
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        await send(server, connection, "GET", f"/api/v1/namespaces/full/pods{query}")
        taken.append(time.perf_counter() - begun)
    connection[1].close()
    return statistics.median(taken) * 1000


async def fan_out(server: Server, watchers: int, events: int) -> float:
    """Return the events a second that all watchers together get while eight writers create objects."""
    where = "/api/v1/namespaces/made/configmaps"
    query = await from_now(server, where)
    got, done, salt = 0, asyncio.Event(), time.time_ns()

    async def watch(connection: Connection) -> None:
        nonlocal got
        while data := await connection[0].read(1 << 18):
            got += data.count(b'{"type":"ADDED"')
            if got >= watchers * events:
                done.set()

    async def write(numbers: range) -> None:
        connection = await connect(server)
        for i in numbers:
            await send(server, connection, "POST", where, json.dumps(config_map(f"w-{salt}-{i}")).encode())
        connection[1].close()

    connections = [await connect(server) for _ in range(watchers)]
    for reader, writer in connections:
        writer.write(head(server, "GET", where + query))
        await reader.readuntil(b"\r\n\r\n")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(watch(connection)) for connection in connections]
        begun = time.perf_counter()
        for j in range(8):
            group.create_task(write(range(j, events, 8)))
        async with asyncio.timeout(120):
            await done.wait()
        taken = time.perf_counter() - begun
        for task, connection in zip(tasks, connections, strict=True):
            task.cancel()
            connection[1].close()
    return watchers * events / taken


async def from_now(server: Server, path: str) -> str:
    """Return the query of a watch that begins at the present state."""
    connection = await connect(server)
    page = json.loads(await send(server, connection, "GET", f"{path}?limit=1"))
    connection[1].close()
    return f"?watch=1&resourceVersion={page['metadata']['resourceVersion']}"


async def idle(server: Server, watchers: int, seconds: float) -> float:
    """Return the percentage of a processor that the server uses while watches wait for nothing."""
    where = "/api/v1/namespaces/full/pods"
    query = await from_now(server, where)
    connections = [await connect(server) for _ in range(watchers)]
    for reader, writer in connections:
        writer.write(head(server, "GET", where + query))
        await reader.readuntil(b"\r\n\r\n")

    async def drop(reader: asyncio.StreamReader) -> None:
        while await reader.read(1 << 20):
            pass

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(drop(reader)) for reader, _ in connections]
        await asyncio.sleep(seconds / 2)  # what the connections cost is not idling
        before = server.cpu()
        await asyncio.sleep(seconds)
        used = server.cpu() - before
        for task, (_, writer) in zip(tasks, connections, strict=True):
            task.cancel()
            writer.close()
    return used / seconds * 100
