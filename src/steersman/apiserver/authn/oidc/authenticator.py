"""ID tokens as a source for the bearer authenticator: signature, issuer, audience, time, then the claims."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api.errors import Unauthorized
from steersman.apiserver.authn import authenticated
from steersman.apiserver.authn.bearer import Identified
from steersman.apiserver.authn.oidc.claims import ClaimError, user_of
from steersman.apiserver.authn.oidc.keys import IssuerKeys, KeysUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.apiserver.authn.configuration import Issuer
    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.apiserver.authn")


class IDTokens:
    """The tokens of one issuer."""

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer, self._clock = issuer, clock
        self._keys = IssuerKeys(issuer, clock)

    async def identify(self, token: str, audiences: tuple[str, ...] = ()) -> Identified | None:
        if unverified_issuer(token) != self._issuer.url:
            return None
        try:
            claims = await self._verified(token)
            return Identified(authenticated(user_of(self._issuer, claims)))
        except (ClaimError, KeysUnavailable) as error:
            log.warning("a token of %s was refused: %s", self._issuer.url, error)
            raise Unauthorized from error

    async def _verified(self, token: str) -> dict[str, Any]:
        """Raises: ClaimError, KeysUnavailable."""
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in self._issuer.algorithms:
                raise ClaimError(f"the algorithm {header.get('alg')!r} is not accepted")
            for key in await self._keys.candidates(str(header.get("kid") or "")):
                try:
                    return self._checked(token, key, header["alg"])
                except (jwt.InvalidSignatureError, jwt.InvalidKeyError, jwt.InvalidAlgorithmError):
                    continue
        except jwt.PyJWTError as error:
            raise ClaimError(str(error)) from error
        raise ClaimError("no key of the issuer has signed it")

    def _checked(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        import jwt

        options: Any = {
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
            "require": ["exp", "iss", "aud"],
        }
        claims = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=list(self._issuer.audiences),
            issuer=self._issuer.url,
            options=options,
        )
        now = self._clock.time()
        if now > float(claims["exp"]):
            raise ClaimError("it has expired")
        if "nbf" in claims and now + 1 < float(claims["nbf"]):
            raise ClaimError("it is not valid yet")
        return claims

    async def aclose(self) -> None:
        await self._keys.aclose()


class Issuers:
    """The tokens of all issuers there are now; the configuration may change while the server runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[Issuer, IDTokens] = {}
        self._opened: list[IDTokens] = []

    def use(self, issuers: Iterable[Issuer]) -> None:
        """Accept the tokens of these issuers from now on; those that stay as they were keep their keys."""
        now: dict[Issuer, IDTokens] = {}
        for issuer in issuers:
            known = self._tokens.get(issuer)
            if known is None:
                known = IDTokens(issuer, self._clock)
                self._opened.append(known)
            now[issuer] = known
        self._tokens = now

    async def identify(self, token: str, audiences: tuple[str, ...] = ()) -> Identified | None:
        for tokens in tuple(self._tokens.values()):
            found = await tokens.identify(token, audiences)
            if found is not None:
                return found
        return None

    async def aclose(self) -> None:
        """Let go of all connections, also those of issuers that are no more."""
        for tokens in self._opened:
            await tokens.aclose()


def unverified_issuer(token: str) -> str:
    """What a token says of its issuer; empty for what is no JWT. Nothing is verified yet."""
    parts = token.split(".")
    if len(parts) != 3:
        return ""
    try:
        payload = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return ""
    return str(payload.get("iss") or "") if isinstance(payload, dict) else ""
