"""Calls to the servers that a `clientConfig` names: over TLS, with a time limit, connections kept.

A `clientConfig` has a `url`, or a `service` with namespace, name, path and port; `caBundle` says whom to
trust, without it the system's authorities. Redirects are not followed.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from steersman.api.errors import ServiceUnavailable
from steersman.apiserver.services import address_of, server_name

if TYPE_CHECKING:
    import ssl

    import aiohttp

    from steersman.api.types import Object
    from steersman.apiserver.api import API

MAX_ANSWER = 6 * 1024 * 1024
"""Bytes of an answer: twice the largest object, for its patch."""
KEPT_SESSIONS = 32


class CallFailed(Exception):
    """No usable answer came back; the text says why."""


class Caller:
    """Keeps one session a trusted authority; `aclose` ends them."""

    def __init__(self, api: API) -> None:
        self._api = api
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def post(self, config: Object, body: bytes, timeout: float) -> bytes:
        """Send JSON and return the body of the answer. Raises: CallFailed."""
        import aiohttp
        from yarl import URL

        url, name = await self._where(config, timeout)
        session = self._session(str(config.get("caBundle") or ""))
        try:
            async with session.post(
                URL(url, encoded=True),
                data=body,
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                timeout=aiohttp.ClientTimeout(total=timeout),
                server_hostname=name,
                allow_redirects=False,
            ) as response:
                answer = await _read(response)
        except TimeoutError:
            raise CallFailed(f'Post "{url}": context deadline exceeded') from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CallFailed(f'Post "{url}": {error}') from None
        if not 200 <= response.status < 300:
            raise CallFailed(
                f"an error on the server: {response.status} {answer[:300].decode(errors='replace')}"
            )
        return answer

    async def _where(self, config: Object, timeout: float) -> tuple[str, str | None]:
        """The URL to call, and the name its certificate must bear when that is not the URL's."""
        limit = f"timeout={timeout:g}s"
        service = config.get("service")
        if service:
            namespace, name = service.get("namespace", ""), service.get("name", "")
            try:
                place = await address_of(self._api, namespace, name, int(service.get("port") or 443))
            except ServiceUnavailable as error:
                raise CallFailed(error.message) from None
            path = "/" + str(service.get("path") or "").lstrip("/")
            return f"https://{place}{path}?{limit}", server_name(namespace, name)
        parts = urlsplit(str(config.get("url") or ""))
        if parts.scheme not in ("https", "http") or not parts.netloc:
            raise CallFailed("the clientConfig names neither a url nor a service")
        query = f"{parts.query}&{limit}" if parts.query else limit
        return urlunsplit((parts.scheme, parts.netloc, parts.path, query, "")), None

    def _session(self, bundle: str) -> aiohttp.ClientSession:
        import aiohttp

        found = self._sessions.get(bundle)
        if found is None:
            connector = aiohttp.TCPConnector(ssl=_context(bundle), limit=0, keepalive_timeout=30)
            found = self._sessions[bundle] = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True
            )
        return found

    async def aclose(self) -> None:
        """End all connections."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()


def _context(bundle: str) -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context() if not bundle else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if bundle:
        try:
            context.load_verify_locations(cadata=base64.b64decode(bundle).decode("ascii"))
        except (binascii.Error, UnicodeDecodeError, ssl.SSLError) as error:
            raise CallFailed(f"unable to load root certificates: {error}") from None
    return context


async def _read(response: aiohttp.ClientResponse) -> bytes:
    pieces, size = [], 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > MAX_ANSWER:
            raise CallFailed(f"the answer is larger than {MAX_ANSWER} bytes")
        pieces.append(piece)
    return b"".join(pieces)
