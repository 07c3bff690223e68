"""Questions to a server that a kubeconfig file names: an object by POST, the same object answered.

For the webhooks of authentication and authorization. A question that met no server, or one in trouble, is
asked again a few times. Source: "Webhook Mode", whose kubeconfig names the remote service as its cluster.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.transport import HTTPTransport
    from steersman.runtime.clock import Clock

TRIES = 5
FIRST_PAUSE, FACTOR = 0.5, 1.5
"""Seconds to the second try, and how much longer each further one takes."""
_BUSY = (429, 500, 502, 503, 504)


class RemoteFailed(Exception):
    """No usable answer came; the text says why."""


class Remote:
    """One remote service; the HTTP client is loaded with the first question."""

    def __init__(self, path: str, clock: Clock) -> None:
        """Raises: ValueError when the kubeconfig cannot be used."""
        from steersman.client import kubeconfig

        try:
            config = kubeconfig.load(path)
        except kubeconfig.KubeConfigError as error:
            raise ValueError(str(error)) from error
        parts = urlsplit(config.server)
        self._base, self._path = f"{parts.scheme}://{parts.netloc}", parts.path or "/"
        self._credentials, self._clock = config.credentials, clock
        self._transport: HTTPTransport | None = None

    async def ask(self, question: Object, timeout: float) -> Object:
        """Return the answer within `timeout` seconds. Raises: RemoteFailed."""
        body, pause, why = orjson.dumps(question), FIRST_PAUSE, ""
        try:
            async with asyncio.timeout(timeout):
                for attempt in range(TRIES):
                    if attempt:
                        await self._clock.sleep(pause)
                        pause *= FACTOR
                    answer, why = await self._post(body)
                    if answer is not None:
                        return answer
        except TimeoutError:
            raise RemoteFailed(why or f"no answer within {timeout:g} seconds") from None
        raise RemoteFailed(why)

    async def _post(self, body: bytes) -> tuple[Object | None, str]:
        """The answer, or why it is worth asking again. Raises: RemoteFailed when it is not."""
        from steersman.client.transport import ConnectionFailed, HTTPTransport

        if self._transport is None:
            self._transport = HTTPTransport(self._base, self._credentials)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        try:
            response = await self._transport.request("POST", self._path, {}, headers, body)
            try:
                status, content = response.status, await response.read()
            finally:
                response.close()
        except ConnectionFailed as error:
            return None, str(error)
        if status in _BUSY:
            return None, f"the server answered {status}"
        if not 200 <= status < 300:
            raise RemoteFailed(f"the server answered {status}")
        try:
            answer = orjson.loads(content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("status"), dict):
            raise RemoteFailed("the answer is not an object with a status")
        return answer, ""

    async def aclose(self) -> None:
        """End the connections."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()
