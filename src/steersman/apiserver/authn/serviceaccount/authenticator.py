"""Checks service-account tokens: signature, time, audience, and that everything they are bound to still
lives.

Source: the token validator of bound service-account tokens (KEP-1205) and of legacy tokens in Secrets.
"""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from steersman.api.errors import Unauthorized
from steersman.apiserver.authn import authenticated
from steersman.apiserver.authn.bearer import Identified
from steersman.apiserver.authn.serviceaccount.claims import (
    LEGACY_ISSUER,
    PRIVATE,
    Claims,
    Reference,
    parse_claims,
    user_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.types import Object
    from steersman.apiserver.authn.serviceaccount.keys import KeyRing

BOUND_GRACE = 60.0
"""Seconds a token outlives the deletion time of the object it is bound to."""


class Getter(Protocol):
    """Reads one live object, or None; `kind` is "serviceaccounts", "pods", "secrets" or "nodes"."""

    async def __call__(self, kind: str, namespace: str, name: str) -> Object | None: ...


class ServiceAccountTokens:
    """The token source for service accounts."""

    def __init__(
        self,
        keys: KeyRing,
        get: Getter,
        *,
        issuer: str,
        audiences: tuple[str, ...],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._get = get
        self._issuer = issuer
        self._audiences = audiences
        self._now = now

    async def identify(self, token: str, audiences: tuple[str, ...] = ()) -> Identified | None:
        if not self._issued_here(token):
            return None
        content = self._verify(token)
        claims = parse_claims(content)
        if claims is None:
            raise Unauthorized()
        wanted = audiences or self._audiences
        if claims.legacy:  # these are for the API server, whatever they say
            common = tuple(audience for audience in wanted if audience in self._audiences)
        else:
            given = content.get("aud") or ()
            known = [given] if isinstance(given, str) else given
            common = tuple(audience for audience in wanted if audience in known)
        if not common:
            raise Unauthorized()
        await self._check_bound(claims, token)
        return Identified(authenticated(user_of(claims)), common, self._warning(content, claims))

    def _warning(self, content: dict[str, Any], claims: Claims) -> str:
        """What the holder of a token is told that lives on beyond the time it was asked for."""
        private = content.get(PRIVATE)
        after = private.get("warnafter") if isinstance(private, dict) else None
        late = int(self._now() - after) if isinstance(after, (int, float)) else 0
        if late <= 0:
            return ""
        name = f"{claims.namespace}/{claims.account.name}"
        return f"the token of service account {name} should have been read again {late} seconds ago"

    def _issued_here(self, token: str) -> bool:
        """Whether it is a JWT that names our issuer (nothing is verified yet)."""
        parts = token.split(".")
        if len(parts) != 3:
            return False
        try:
            payload = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except ValueError:
            return False
        return isinstance(payload, dict) and payload.get("iss") in (self._issuer, LEGACY_ISSUER)

    def _verify(self, token: str) -> dict[str, Any]:
        import jwt

        try:
            key_id = jwt.get_unverified_header(token).get("kid", "")
            known = self._keys.verifying()
            candidates = [known[key_id]] if key_id in known else list(known.values())
            for key in candidates:
                try:
                    return self._decode(token, key.material, key.algorithm)
                except jwt.InvalidSignatureError:
                    continue
        except jwt.PyJWTError as error:
            raise Unauthorized() from error
        raise Unauthorized()

    def _decode(self, token: str, material: Any, algorithm: str) -> dict[str, Any]:
        import jwt

        options: Any = {"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
        content = jwt.decode(token, material, algorithms=[algorithm], options=options)
        now = self._now()
        if "exp" in content and now > float(content["exp"]):
            raise jwt.ExpiredSignatureError("expired")
        if "nbf" in content and now + 1 < float(content["nbf"]):
            raise jwt.ImmatureSignatureError("not yet valid")
        return content

    async def _check_bound(self, claims: Claims, token: str) -> None:
        await self._live("serviceaccounts", claims.namespace, claims.account)
        if claims.secret is not None:
            secret = await self._live("secrets", claims.namespace, claims.secret)
            if claims.legacy:
                stored = (secret.get("data") or {}).get("token", "")
                if base64.b64decode(stored) != token.encode():
                    raise Unauthorized()
        if claims.pod is not None:
            await self._live("pods", claims.namespace, claims.pod)
        elif claims.node is not None:
            await self._live("nodes", "", claims.node)

    async def _live(self, kind: str, namespace: str, reference: Reference) -> Object:
        obj = await self._get(kind, namespace, reference.name)
        if obj is None or (reference.uid and obj["metadata"].get("uid") != reference.uid):
            raise Unauthorized()
        self._check_deleted(obj)
        return obj

    def _check_deleted(self, obj: Object) -> None:
        from steersman.api.times import parse_time

        deleted = obj["metadata"].get("deletionTimestamp")
        if deleted and self._now() > parse_time(deleted) + BOUND_GRACE:
            raise Unauthorized()
