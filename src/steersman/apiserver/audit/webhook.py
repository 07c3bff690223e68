"""Audit events to a server that a kubeconfig names: EventLists by POST, in batches.

Events wait in memory while the server is away, up to a limit; beyond it the newest are dropped and counted.
Source of the figures: kube-apiserver's --audit-webhook-batch-* defaults.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

from steersman.client import kubeconfig
from steersman.client.transport import ConnectionFailed, HTTPTransport

if TYPE_CHECKING:
    from steersman.api.types import Object

log = logging.getLogger("steersman.apiserver.audit")
BUFFER = 10_000
"""Events that wait at most."""
BATCH = 400
"""Events in one request at most."""
WAIT_SECONDS = 30.0
"""How long an event waits for company."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between attempts while the server is away."""


class Webhook:
    """A backend; `run` sends until it is cancelled, `close` sends what is left once."""

    def __init__(self, path: str, *, wait: float = WAIT_SECONDS) -> None:
        """Raises: KubeConfigError."""
        config = kubeconfig.load(path, "")
        parts = urlsplit(config.server)
        self._transport = HTTPTransport(f"{parts.scheme}://{parts.netloc}", config.credentials)
        self._where = parts.path or "/"
        self._wait = wait
        self._waiting: deque[Object] = deque()
        self._full = asyncio.Event()
        self._sending = asyncio.Lock()
        self.lost = 0
        """Events dropped because too many were waiting."""

    def emit(self, event: Object) -> None:
        """Put one event in the queue."""
        if len(self._waiting) >= BUFFER:
            self.lost += 1
            return
        self._waiting.append(event)
        if len(self._waiting) >= BATCH:
            self._full.set()

    async def run(self) -> None:
        """Send batches for ever."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with asyncio.timeout(self._wait):
                    await self._full.wait()
            except TimeoutError:
                pass
            self._full.clear()
            while self._waiting:
                try:
                    await self._send()
                    pause = FIRST_PAUSE
                except ConnectionFailed as error:
                    log.warning("audit events wait, %d of them: %s", len(self._waiting), error)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)

    async def _send(self) -> None:
        """Send one batch. Raises: ConnectionFailed; then its events still wait."""
        async with self._sending:
            await self._send_batch()

    async def _send_batch(self) -> None:
        batch = [self._waiting[i] for i in range(min(BATCH, len(self._waiting)))]
        body = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": batch}
        response = await self._transport.request(
            "POST", self._where, {}, {"Content-Type": "application/json"}, orjson.dumps(body)
        )
        try:
            if response.status >= 500 or response.status == 429:
                raise ConnectionFailed(f"the audit webhook answered {response.status}")
            await response.read()
        finally:
            response.close()
        if response.status >= 400:
            log.error("the audit webhook refused %d events with %d", len(batch), response.status)
        for _ in batch:
            self._waiting.popleft()
        if self.lost:
            log.error("%d audit events were dropped: too many were waiting", self.lost)
            self.lost = 0

    async def close(self) -> None:
        """Send what is left, once, and let go of the connection."""
        try:
            while self._waiting:
                await self._send()
        except ConnectionFailed as error:
            log.error("%d audit events could not be delivered: %s", len(self._waiting), error)
        finally:
            await self._transport.aclose()
