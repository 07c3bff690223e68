"""Listening sockets and the connections behind them."""

from __future__ import annotations

import asyncio
import logging
from email.utils import formatdate
from typing import TYPE_CHECKING

from steersman.apiserver.http.connection import Connection
from steersman.apiserver.http.flusher import Flusher

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from steersman.apiserver.http.values import Handler
    from steersman.runtime.tasks import TaskGroup

log = logging.getLogger("steersman.apiserver.http")
IDLE = 620.0
"""Seconds a connection may be idle."""
HANDSHAKE = 10.0
"""Seconds a TLS handshake may take."""
BACKLOG = 1024
TICK = 1.0
"""Seconds between updates of the Date header."""


class Listener:
    """Serves HTTP on one port of several addresses; tasks of connections belong to the group given."""

    def __init__(self, handler: Handler, tasks: TaskGroup) -> None:
        self.handler, self.tasks = handler, tasks
        self.connections: set[Connection] = set()
        self.flusher = Flusher(asyncio.get_running_loop())
        self.port = 0
        self.stopping = False
        self.date = b""
        """The Date header of the present second, line end included."""
        self._servers: list[asyncio.Server] = []
        self._emptied: asyncio.Future[None] | None = None

    async def start(self, binds: Sequence[str], port: int, tls: ssl.SSLContext | None) -> None:
        """Listen; port 0 picks one for all addresses. Raises: OSError."""
        loop = asyncio.get_running_loop()
        for bind in dict.fromkeys(binds):
            server = await loop.create_server(
                lambda: Connection(self),
                bind,
                port,
                ssl=tls,
                backlog=BACKLOG,
                reuse_address=True,
                ssl_handshake_timeout=HANDSHAKE if tls else None,
            )
            self._servers.append(server)
            port = port or server.sockets[0].getsockname()[1]
        self.port = port
        self._stamp()
        self.tasks.spawn(self._tend(), "connections")

    async def stop(self, timeout: float) -> None:
        """Take no more connections, end streams, let running requests finish for `timeout` seconds, then
        cut."""
        self.stopping = True
        for server in self._servers:
            server.close()
        for connection in tuple(self.connections):
            connection.finish()
        if self.connections:
            self._emptied = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(self._emptied, timeout)
            except TimeoutError:
                log.warning("%d connections were cut while being answered", len(self.connections))

    def forget(self, connection: Connection) -> None:
        """Note that a connection is over; idempotent."""
        self.connections.discard(connection)
        if self._emptied is not None and not self.connections and not self._emptied.done():
            self._emptied.set_result(None)

    async def _tend(self) -> None:
        """Keep the date, and once in a while close what has been idle for long."""
        loop = asyncio.get_running_loop()
        ticks = 0
        while True:
            await asyncio.sleep(TICK)
            self._stamp()
            ticks += 1
            if ticks % 30 == 0:
                for connection in tuple(self.connections):
                    connection.close_idle(loop.time() - IDLE)

    def _stamp(self) -> None:
        self.date = b"Date: %b\r\n" % formatdate(usegmt=True).encode()
