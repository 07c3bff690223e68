"""Where an APIService leads, and requests to it: TLS with the front-proxy certificate, the user in headers.

Source: "Kubernetes API Aggregation Layer", "Configure the Aggregation Layer" (authentication flow).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from multidict import CIMultiDict

from steersman.apiserver.services import address_of, server_name
from steersman.apiserver.streaming.http_request import Exchange, ExchangeFailed

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from steersman.api.types import Object
    from steersman.apiserver.api import API
    from steersman.apiserver.authn import User

MAX_DOCUMENT = 16 * 1024 * 1024
"""Bytes of a discovery or OpenAPI document."""


@dataclass(eq=False, slots=True)
class Remote:
    """One remote group version. The first fields are the APIService's, the last what probing found."""

    name: str
    group: str
    version: str
    namespace: str
    service: str
    port: int
    ca_bundle: str
    insecure: bool
    group_priority: int
    version_priority: int
    available: bool = False
    resources: tuple[Object, ...] = ()
    """APIResources of its discovery document, kept while it cannot be reached."""
    openapi: Object = field(default_factory=dict)
    """Its entries of the OpenAPI v3 index, by path."""
    due: float = 0.0
    """When it is probed next, monotonic seconds."""
    failures: int = 0
    context: ssl.SSLContext | None = None


def remote_of(obj: Object) -> Remote | None:
    """What an APIService leads to; None for a local one."""
    spec = obj["spec"]
    service = spec.get("service")
    if not service:
        return None
    return Remote(
        name=obj["metadata"]["name"],
        group=str(spec.get("group") or ""),
        version=str(spec.get("version") or ""),
        namespace=str(service.get("namespace") or ""),
        service=str(service.get("name") or ""),
        port=int(service.get("port") or 443),
        ca_bundle=str(spec.get("caBundle") or ""),
        insecure=bool(spec.get("insecureSkipTLSVerify")),
        group_priority=int(spec.get("groupPriorityMinimum") or 0),
        version_priority=int(spec.get("versionPriority") or 0),
    )


def tls_context(api: API, remote: Remote) -> ssl.SSLContext:
    """The TLS settings towards a remote. Raises ExchangeFailed when its caBundle cannot be read."""
    import ssl

    if remote.context is not None:
        return remote.context
    context = ssl.create_default_context()
    if remote.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif remote.ca_bundle:
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cadata=base64.b64decode(remote.ca_bundle).decode("ascii"))
        except (binascii.Error, UnicodeDecodeError, ssl.SSLError) as error:
            raise ExchangeFailed(f"the caBundle cannot be read: {error}") from None
    config = api.config
    if config.front_proxy_cert:
        context.load_cert_chain(config.front_proxy_cert, config.front_proxy_key)
    remote.context = context
    return context


def user_headers(user: User) -> list[tuple[str, str]]:
    """How the remote is told who asks."""
    headers = [("X-Remote-User", user.name)]
    if user.uid:
        headers.append(("X-Remote-Uid", user.uid))
    headers += [("X-Remote-Group", group) for group in user.groups]
    for key, values in user.extra.items():
        headers += [(f"X-Remote-Extra-{quote(key, safe='')}", value) for value in values]
    return headers


async def open_exchange(
    api: API,
    remote: Remote,
    method: str,
    target: str,
    headers: CIMultiDict[str],
    body: AsyncIterator[bytes] | None = None,
) -> Exchange:
    """Send a request to a remote; `target` is path and query. Raises ServiceUnavailable, ExchangeFailed."""
    place = await address_of(api, remote.namespace, remote.service, remote.port)
    return await Exchange.open(
        method,
        f"https://{place}{target}",
        headers=headers,
        body=body,
        tls=tls_context(api, remote),
        server_hostname=server_name(remote.namespace, remote.service),
    )


async def fetch(api: API, remote: Remote, path: str, user: User) -> tuple[int, bytes]:
    """GET a document as `user`: status and body. Raises ServiceUnavailable, ExchangeFailed."""
    headers = CIMultiDict([*user_headers(user), ("Accept", "application/json")])
    exchange = await open_exchange(api, remote, "GET", path, headers)
    return exchange.status, await exchange.read(MAX_DOCUMENT)
