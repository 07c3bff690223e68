"""The public keys of an issuer: found by its discovery document, kept, and fetched again for a new key."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import aiohttp

    from steersman.apiserver.authn.configuration import Issuer
    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.apiserver.authn")
TIMEOUT = 10.0
PAUSE = 10.0
"""Seconds between two fetches: unknown keys in tokens must not make us ask for every request."""
LIFE = 3600.0
"""Seconds after which keys are fetched again, so that withdrawn ones end."""
MAX_BYTES = 1 << 20
WELL_KNOWN = "/.well-known/openid-configuration"


class KeysUnavailable(Exception):
    """The issuer's keys cannot be had now; the text says why."""


class IssuerKeys:
    """Keys by key id."""

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer, self._clock = issuer, clock
        self._keys: dict[str, Any] = {}
        self._fetched = float("-inf")
        self._session: aiohttp.ClientSession | None = None

    async def candidates(self, key_id: str) -> list[Any]:
        """The keys a token may be signed with: that of the id, or all when it names none.

        Raises: KeysUnavailable when none could ever be fetched.
        """
        age = self._clock.monotonic() - self._fetched
        if age > LIFE or (age > PAUSE and key_id and key_id not in self._keys):
            await self._fetch()
        if key_id:
            found = self._keys.get(key_id)
            return [] if found is None else [found]
        return list(self._keys.values())

    async def _fetch(self) -> None:
        import jwt

        try:
            where = self._issuer.discovery_url or self._issuer.url.rstrip("/") + WELL_KNOWN
            document = await self._read(where)
            if document.get("issuer") != self._issuer.url:
                raise KeysUnavailable(f"{where} is about the issuer {document.get('issuer')!r}")
            found = await self._read(str(document.get("jwks_uri") or ""))
        except KeysUnavailable as error:
            if not self._keys:
                raise
            log.warning("the keys of %s were not renewed: %s", self._issuer.url, error)
            self._fetched = self._clock.monotonic() - LIFE + PAUSE
            return
        keys = {}
        for number, entry in enumerate(found.get("keys") or ()):
            try:
                keys[str(entry.get("kid") or number)] = jwt.PyJWK.from_dict(entry)
            except (jwt.PyJWTError, AttributeError) as error:
                log.debug("a key of %s is of no use: %s", self._issuer.url, error)
        self._keys, self._fetched = keys, self._clock.monotonic()

    async def _read(self, url: str) -> dict[str, Any]:
        import aiohttp

        if not url.startswith("https://"):
            raise KeysUnavailable(f"{url!r} is not an https URL")
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        try:
            async with self._ready().get(url, timeout=timeout) as response:
                if response.status != 200:
                    raise KeysUnavailable(f"{url} answered {response.status}")
                content = orjson.loads(await response.content.read(MAX_BYTES))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise KeysUnavailable(f"{url}: {error or type(error).__name__}") from error
        if not isinstance(content, dict):
            raise KeysUnavailable(f"{url} is not a JSON object")
        return content

    def _ready(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            context = ssl.create_default_context(cadata=self._issuer.authority or None)
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))
        return self._session

    async def aclose(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
