"""Bearer tokens that another server knows: asked by TokenReview, answers remembered.

Source: "Authenticating", webhook token authentication.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from steersman.apiserver.authn import User, authenticated
from steersman.apiserver.authn.bearer import Identified
from steersman.apiserver.remote import RemoteFailed

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.apiserver.authn")
TIMEOUT = 30.0
MAX_REMEMBERED = 4096


class Asked(Protocol):
    """Who answers reviews."""

    async def ask(self, question: Object, timeout: float) -> Object: ...


class WebhookTokens:
    """The token source; `ttl` is in seconds."""

    def __init__(self, remote: Asked, clock: Clock, ttl: float, own_audiences: tuple[str, ...] = ()) -> None:
        self._remote, self._clock, self._ttl, self._own = remote, clock, ttl, own_audiences
        self._remembered: dict[tuple[str, tuple[str, ...]], tuple[float, Identified | None]] = {}

    async def identify(self, token: str, audiences: tuple[str, ...] = ()) -> Identified | None:
        key, now = (token, audiences), self._clock.monotonic()
        known = self._remembered.get(key)
        if known is not None and known[0] > now:
            return known[1]
        wanted = audiences or self._own
        spec: Object = {"token": token} | ({"audiences": list(wanted)} if wanted else {})
        question = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        try:
            answer = await self._remote.ask(question, TIMEOUT)
        except RemoteFailed as error:
            log.error("the token webhook failed: %s", error)
            return None  # and nothing is remembered
        found = identity_of(answer["status"], wanted)
        if self._ttl > 0:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = (now + self._ttl, found)
        return found


def identity_of(status: Object, wanted: tuple[str, ...]) -> Identified | None:
    """Whom a TokenReview's status names. Pure; a webhook that knows nothing of audiences speaks for all."""
    if not status.get("authenticated"):
        return None
    given = tuple(str(audience) for audience in status.get("audiences") or ())
    common = tuple(audience for audience in wanted if audience in given)
    if given and wanted and not common:
        return None
    info = status.get("user") or {}
    if not info.get("username"):
        return None
    user = User(
        name=str(info["username"]),
        uid=str(info.get("uid") or ""),
        groups=tuple(str(group) for group in info.get("groups") or ()),
        extra={
            str(key): [str(value) for value in values] for key, values in (info.get("extra") or {}).items()
        },
    )
    return Identified(authenticated(user), common)
