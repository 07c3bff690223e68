"""Bearer tokens: every kind of token is tried in order, and an answer is remembered for a moment.

A token that no source knows is 401: a wrong credential is never taken for no credential. Service-account
tokens are checked against live objects, so what is remembered is dropped after `REMEMBER_SECONDS`: a deleted
pod's token works no longer than that.
"""

from __future__ import annotations

import time
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


class TokenSource(Protocol):
    """One kind of token."""

    async def authenticate_token(self, token: str, audiences: tuple[str, ...] = ()) -> User | None:
        """The token's user; None when it is not this source's token; raises Unauthorized when it is and is
        bad.

        `audiences` empty means the API server itself.
        """
        ...


class BearerAuthenticator:
    """Asks token sources in order; remembers good answers, and bad ones too (a client may retry in a tight
    loop)."""

    def __init__(
        self, sources: Sequence[TokenSource], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._sources = tuple(sources)
        self._monotonic = monotonic
        self._remembered: dict[tuple[str, tuple[str, ...]], tuple[float, User | None]] = {}

    async def authenticate(self, request: Request) -> User | None:
        token = bearer_token(request.headers)
        if not token:
            return None
        user = await self.authenticate_token(token)
        if user is None:
            raise Unauthorized()
        return user

    async def authenticate_token(self, token: str, audiences: tuple[str, ...] = ()) -> User | None:
        """The user of a token, None for a token nobody accepts."""
        key = (token, audiences)
        known = self._remembered.get(key)
        now = self._monotonic()
        if known is not None and known[0] > now:
            return known[1]
        user = await self._ask(token, audiences)
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = (now + REMEMBER_SECONDS, user)
        return user

    async def _ask(self, token: str, audiences: tuple[str, ...]) -> User | None:
        for source in self._sources:
            try:
                user = await source.authenticate_token(token, audiences)
            except Unauthorized:
                return None
            if user is not None:
                return user
        return None
