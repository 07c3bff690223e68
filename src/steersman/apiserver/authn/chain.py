"""The authenticators of a server, from its configuration, in the order they are asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from steersman.api.errors import NotFound
from steersman.api.kinds import NODES, PODS, SECRETS, SERVICE_ACCOUNTS
from steersman.apiserver.authn.bearer import BearerAuthenticator
from steersman.apiserver.authn.requestheader import RequestHeaderAuthenticator
from steersman.apiserver.authn.serviceaccount.authenticator import ServiceAccountTokens
from steersman.apiserver.authn.serviceaccount.issuer import TokenIssuer
from steersman.apiserver.authn.serviceaccount.keys import KeyRing
from steersman.apiserver.authn.tokenfile import TokenTable, read_token_file
from steersman.apiserver.authn.x509 import CertificateAuthority, X509Authenticator

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.api import API
    from steersman.apiserver.authn import Authenticator
    from steersman.apiserver.authn.bearer import TokenSource
    from steersman.apiserver.config import APIServerConfig

FRONT_PROXY_NAMES = ("front-proxy-client",)
"""Common names that may speak for others with a certificate of the front-proxy CA."""

_BOUND_TO = {resource.plural: resource for resource in (SERVICE_ACCOUNTS, PODS, SECRETS, NODES)}


class LiveObjects:
    """What service-account tokens are bound to, out of the server's own caches."""

    def __init__(self, api: API) -> None:
        self._api = api

    async def __call__(self, kind: str, namespace: str, name: str) -> Object | None:
        try:
            return await self._api.get(_BOUND_TO[kind], name, namespace)
        except NotFound:
            return None


def build(api: API) -> tuple[Authenticator, ...]:
    config = api.config
    chain: list[Authenticator] = []
    if config.requestheader_ca:
        authority = CertificateAuthority(Path(config.requestheader_ca))
        chain.append(RequestHeaderAuthenticator(authority, FRONT_PROXY_NAMES))
    if config.client_ca:
        chain.append(X509Authenticator(CertificateAuthority(Path(config.client_ca)), now=api.clock.time))
    sources = token_sources(api)
    if sources:
        chain.append(BearerAuthenticator(sources, monotonic=api.clock.monotonic))
    return tuple(chain)


def token_sources(api: API) -> tuple[TokenSource, ...]:
    sources: list[TokenSource] = []
    if api.config.token_file:
        sources.append(TokenTable(read_token_file(Path(api.config.token_file))))
    keys = key_ring(api.config)
    if keys is not None:
        issuer = api.config.service_account_issuer
        sources.append(
            ServiceAccountTokens(
                keys, LiveObjects(api), issuer=issuer, audiences=(issuer,), now=api.clock.time
            )
        )
    return tuple(sources)


def key_ring(config: APIServerConfig) -> KeyRing | None:
    """The keys of service-account tokens; None when the server has none."""
    if not config.service_account_key:
        return None
    public = config.service_account_public_key
    return KeyRing(Path(config.service_account_key), (Path(public),) if public else ())


def token_issuer(api: API) -> TokenIssuer | None:
    """What signs service-account tokens; None when the server has no key."""
    keys = key_ring(api.config)
    if keys is None:
        return None
    issuer = api.config.service_account_issuer
    return TokenIssuer(keys, LiveObjects(api), issuer=issuer, audiences=(issuer,), now=api.clock.time)
