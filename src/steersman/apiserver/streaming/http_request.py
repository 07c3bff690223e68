"""One HTTP request passed on, its answer streamed back: for logs and proxies."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aiohttp

from steersman.apiserver.http.values import Streaming

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Mapping

    from multidict import CIMultiDictProxy

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


class Exchange:
    """An open request: the answer's head is there, its body is still to be read. `close` it in the end."""

    def __init__(self, session: aiohttp.ClientSession, response: aiohttp.ClientResponse) -> None:
        self._session, self._response = session, response

    @classmethod
    async def open(
        cls,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: AsyncIterator[bytes] | bytes | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Exchange:
        """Send a request. Raises aiohttp.ClientError or TimeoutError."""
        from yarl import URL

        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls if tls is not None else True, force_close=True),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            auto_decompress=False,
        )
        async with AsyncExitStack() as on_failure:
            on_failure.push_async_callback(session.close)
            response = await session.request(
                method,
                URL(url, encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
            on_failure.pop_all()
        return cls(session, response)

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        return self._response.headers

    async def read(self, limit: int) -> bytes:
        """The body, at most `limit` bytes of it; closes."""
        try:
            return await self._response.content.read(limit)
        finally:
            await self.close()

    async def close(self) -> None:
        self._response.close()
        await self._session.close()

    def stream(
        self,
        content_type: str,
        headers: dict[str, str] | None = None,
        change: Callable[[bytes], bytes] | None = None,
    ) -> Streaming:
        """The answer as it arrives, no faster than the client takes it."""

        async def run(sink: Sink) -> None:
            try:
                async for piece in self._response.content.iter_any():
                    sink.write(change(piece) if change else piece)
                    await sink.drain()
            except aiohttp.ClientError:
                sink.abort()
            finally:
                await self.close()

        return Streaming(self.status, run, content_type, headers or {})
