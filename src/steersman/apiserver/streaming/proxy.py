"""The `proxy` sub-resources of pods, services and nodes: HTTP (and upgrades) to what they name.

The name in the path may carry a scheme and a port: `[https:]name[:port]`. A service is reached at one of its
ready endpoints, a pod at its address, a node at its kubelet (or another port of its address). Redirects and
links that are absolute paths are put below the proxy's own path. Source: "Access services running on
clusters".
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from steersman.api import kinds
from steersman.api.errors import ServiceUnavailable
from steersman.apiserver.http.values import Response, Takeover
from steersman.apiserver.streaming import destination
from steersman.apiserver.streaming.http_request import HOP_BY_HOP, Exchange, ExchangeFailed
from steersman.apiserver.streaming.kubelet import kubelet_tls
from steersman.apiserver.streaming.location import kubelet_url
from steersman.client.upgrade import UpgradeFailed, forwarded_headers, open_upgrade, relay

if TYPE_CHECKING:
    import asyncio
    import ssl

    from steersman.apiserver.handlers.target import Target
    from steersman.apiserver.http.values import Answer, Request

_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")
_DROPPED = HOP_BY_HOP | {"host", "authorization", "accept-encoding"}


async def pod_proxy(target: Target) -> Answer:
    wanted = destination.parse_name(target.info.name)
    pod = await target.api.get(kinds.PODS, wanted.name, target.info.namespace)
    return await _pass_on(target, destination.pod_url(pod, wanted), _any_certificate(wanted.scheme))


async def service_proxy(target: Target) -> Answer:
    wanted = destination.parse_name(target.info.name)
    api, namespace = target.api, target.info.namespace
    service = await api.get(kinds.SERVICES, wanted.name, namespace)
    slices = await api.list(kinds.ENDPOINT_SLICES, namespace)
    candidates = destination.service_addresses(service, slices, wanted)
    if not candidates:
        raise ServiceUnavailable(f'no endpoints available for service "{target.info.name}"')
    scheme = wanted.scheme or "http"
    return await _pass_on(target, f"{scheme}://{random.choice(candidates)}", _any_certificate(scheme))


async def node_proxy(target: Target) -> Answer:
    wanted = destination.parse_name(target.info.name)
    node = await target.api.get(kinds.NODES, wanted.name)
    kubelet = kubelet_url(node)
    url = destination.node_url(kubelet, wanted)
    tls = kubelet_tls(target.api) if url == kubelet else _any_certificate(wanted.scheme)
    return await _pass_on(target, url, tls)


def _any_certificate(scheme: str) -> ssl.SSLContext | None:
    """TLS to a workload: its certificate is not known to the cluster."""
    if scheme != "https":
        return None
    import ssl

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _pass_on(target: Target, base: str, tls: ssl.SSLContext | None) -> Answer:
    request = target.request
    path = request.raw_path or request.path
    prefix, rest = destination.split_proxy_path(path, namespaced=bool(target.info.namespace))
    if not rest and request.method in ("GET", "HEAD"):
        query = f"?{request.query.text}" if request.query.text else ""
        return Response(301, b"", headers={"Location": f"{prefix}/{query}"})
    url = base + (rest or "/") + (f"?{request.query.text}" if request.query.text else "")
    if "upgrade" in request.headers.get("Connection", "").lower():
        return await _upgrade(request, url, tls)
    return await _exchange(request, url, prefix, tls)


async def _upgrade(request: Request, url: str, tls: ssl.SSLContext | None) -> Takeover:
    try:
        upstream = await open_upgrade(
            request.method, url, forwarded_headers(request.headers.items()), tls=tls
        )
    except UpgradeFailed as error:
        raise ServiceUnavailable(f"error trying to reach service: {error}") from error

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(upstream.head)
            await relay((reader, writer), (upstream.reader, upstream.writer))
        finally:
            upstream.close()

    return Takeover(run)


async def _exchange(request: Request, url: str, prefix: str, tls: ssl.SSLContext | None) -> Answer:
    headers = {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in _DROPPED and not name.lower().startswith(("impersonate-", "x-remote-"))
    }
    headers["X-Forwarded-For"] = request.peer.address
    headers["X-Forwarded-Uri"] = request.raw_path or request.path
    body = None if request.method in _WITHOUT_BODY else request.reader.chunks()
    try:
        exchange = await Exchange.open(request.method, url, headers=headers, body=body, tls=tls)
    except ExchangeFailed as error:
        raise ServiceUnavailable(f"error trying to reach service: {error}") from error
    answered = {
        name: value
        for name, value in exchange.headers.items()
        if name.lower() not in HOP_BY_HOP and name.lower() not in ("content-length", "content-type")
    }
    if "Location" in exchange.headers:
        host = urlsplit(url).netloc
        answered["Location"] = destination.rewrite_location(exchange.headers["Location"], host, prefix)
    content_type = exchange.headers.get("Content-Type", "application/octet-stream")
    if request.method == "HEAD":
        exchange.close()
        return Response(exchange.status, b"", content_type, answered)
    return exchange.stream(content_type, answered)
