"""Bearer tokens: every kind of token is tried in order, and an answer is remembered for a moment.

A token that no source knows is 401: a wrong credential is never taken for no credential. Service-account
tokens are checked against live objects, so what is remembered is dropped after `REMEMBER_SECONDS`: a deleted
pod's token works no longer than that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from steersman.api.errors import Unauthorized
from steersman.apiserver.authn.headers import bearer_token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steersman.apiserver.authn import User
    from steersman.apiserver.http.values import Request

REMEMBER_SECONDS = 10.0
MAX_REMEMBERED = 4096
"""Tokens kept; all are dropped when there are more."""


@dataclass(frozen=True, slots=True)
class Identified:
    """What is known of a token."""

    user: User
    audiences: tuple[str, ...] | None = None
    """Those of the audiences asked for that the token is for; None: it is for the API server."""
    warning: str = ""
    """What whoever uses the token is told with every answer."""


class TokenSource(Protocol):
    """One kind of token."""

    async def identify(self, token: str, audiences: tuple[str, ...] = ()) -> Identified | None:
        """Whose token it is; None when it is not this source's token; raises Unauthorized when it is and is
        bad.

        `audiences` empty means the API server itself.
        """
        ...


class BearerAuthenticator:
    """Asks token sources in order; remembers good answers, and bad ones too (a client may retry in a tight
    loop)."""

    def __init__(
        self,
        sources: Sequence[TokenSource],
        *,
        own_audiences: tuple[str, ...] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = tuple(sources)
        self._own = own_audiences
        self._monotonic = monotonic
        self._remembered: dict[tuple[str, tuple[str, ...]], tuple[float, Identified | None]] = {}

    def forget(self) -> None:
        """Drop what is remembered: keys have changed."""
        self._remembered.clear()

    async def authenticate(self, request: Request) -> User | None:
        token = bearer_token(request.headers)
        if not token:
            return None
        known = await self.identify(token)
        if known is None:
            raise Unauthorized()
        if known.warning:
            request.warnings.append(known.warning)
        return known.user

    async def identify(self, token: str, audiences: tuple[str, ...] = ()) -> Identified | None:
        """Whose token it is and for which of the audiences; None for a token nobody accepts."""
        key = (token, audiences)
        known = self._remembered.get(key)
        now = self._monotonic()
        if known is not None and known[0] > now:
            return known[1]
        found = await self._ask(token, audiences)
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = (now + REMEMBER_SECONDS, found)
        return found

    async def _ask(self, token: str, audiences: tuple[str, ...]) -> Identified | None:
        for source in self._sources:
            try:
                found = await source.identify(token, audiences)
            except Unauthorized:
                return None
            if found is not None:
                return self._for(found, audiences)
        return None

    def _for(self, found: Identified, audiences: tuple[str, ...]) -> Identified | None:
        """Tokens that know no audiences are for the API server, and for nobody else."""
        if found.audiences is not None:
            return found
        common = tuple(audience for audience in audiences or self._own if audience in self._own)
        return replace(found, audiences=common) if common or not audiences else None
