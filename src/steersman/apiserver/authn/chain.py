"""The authenticators of a server, from its configuration, in the order they are asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from steersman.api.errors import NotFound
from steersman.api.kinds import NODES, PODS, SECRETS, SERVICE_ACCOUNTS
from steersman.apiserver.authn.bearer import BearerAuthenticator
from steersman.apiserver.authn.bootstrap import BootstrapTokens
from steersman.apiserver.authn.configuration import authentication_settings
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
    from steersman.apiserver.authn.configuration import Settings

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
    """Raises: OSError, ValueError."""
    config = api.config
    settings = authentication_settings(config)
    api.anonymous, api.anonymous_paths = settings.anonymous, frozenset(settings.anonymous_paths)
    chain: list[Authenticator] = []
    if config.requestheader_ca:
        proxy = RequestHeaderAuthenticator(
            CertificateAuthority(Path(config.requestheader_ca)), FRONT_PROXY_NAMES
        )
        api.files.follow((config.requestheader_ca,), proxy.forget)
        chain.append(proxy)
    if config.client_ca:
        clients = X509Authenticator(CertificateAuthority(Path(config.client_ca)), now=api.clock.time)
        api.files.follow((config.client_ca,), clients.forget)
        chain.append(clients)
    sources = token_sources(api, settings)
    if sources:
        own = (config.service_account_issuer,)
        bearer = BearerAuthenticator(sources, own_audiences=own, monotonic=api.clock.monotonic)
        files = (config.token_file, config.service_account_public_key, config.authentication_config)
        api.files.follow(files, bearer.forget)
        chain.append(bearer)
    return tuple(chain)


def token_sources(api: API, settings: Settings) -> tuple[TokenSource, ...]:
    config = api.config
    sources: list[TokenSource] = []
    if config.token_file:
        table = TokenTable(read_token_file(Path(config.token_file)))
        api.files.follow((config.token_file,), lambda: table.use(read_token_file(Path(config.token_file))))
        sources.append(table)
    keys = key_ring(api)
    if keys is not None:
        issuer = config.service_account_issuer
        sources.append(
            ServiceAccountTokens(
                keys, LiveObjects(api), issuer=issuer, audiences=(issuer,), now=api.clock.time
            )
        )
    if sources and config.bootstrap_tokens:
        sources.append(BootstrapTokens(api))
    if settings.issuers or config.authentication_config:
        sources.append(_issuers(api, settings))
    if config.authentication_token_webhook_config_file:
        sources.append(_webhook(api))
    return tuple(sources)


def _issuers(api: API, settings: Settings) -> TokenSource:
    """The issuers of ID tokens, kept up with the configuration file; and who may come without a token."""
    from steersman.apiserver.authn.oidc.authenticator import Issuers

    issuers = Issuers(api.clock)
    api.on_close(issuers.aclose)
    issuers.use(settings.issuers)

    def reload() -> None:
        changed = authentication_settings(api.config)
        api.anonymous, api.anonymous_paths = changed.anonymous, frozenset(changed.anonymous_paths)
        issuers.use(changed.issuers)

    api.files.follow((api.config.authentication_config,), reload)
    return issuers


def _webhook(api: API) -> TokenSource:
    from steersman.apiserver.authn.webhook import WebhookTokens
    from steersman.apiserver.remote import Remote

    remote = Remote(api.config.authentication_token_webhook_config_file, api.clock)
    api.on_close(remote.aclose)
    ttl = api.config.authentication_token_webhook_cache_ttl
    return WebhookTokens(remote, api.clock, ttl, (api.config.service_account_issuer,))


def key_ring(api: API) -> KeyRing | None:
    """The keys of service-account tokens; None when the server has none."""
    config = api.config
    if not config.service_account_key:
        return None
    public = config.service_account_public_key
    keys = KeyRing(Path(config.service_account_key), (Path(public),) if public else ())
    api.files.follow(keys.paths, keys.forget)
    return keys


def token_issuer(api: API) -> TokenIssuer | None:
    """What signs service-account tokens; None when the server has no key."""
    keys = key_ring(api)
    if keys is None:
        return None
    config = api.config
    issuer = config.service_account_issuer
    return TokenIssuer(
        keys,
        LiveObjects(api),
        issuer=issuer,
        audiences=(issuer,),
        now=api.clock.time,
        extends=config.extend_token_expiration,
    )
