"""Passing a request on to the server that implements its group version, upgrades included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multidict import CIMultiDict

from steersman.api.errors import ServiceUnavailable
from steersman.apiserver.aggregation.remote import Remote, open_exchange, tls_context, user_headers
from steersman.apiserver.http.values import Response, Takeover
from steersman.apiserver.services import address_of, server_name
from steersman.apiserver.streaming.http_request import HOP_BY_HOP, ExchangeFailed
from steersman.client.upgrade import UpgradeFailed, forwarded_headers, open_upgrade, relay

if TYPE_CHECKING:
    import asyncio

    from steersman.apiserver.api import API
    from steersman.apiserver.http.values import Answer, Request

_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")
_DROPPED = HOP_BY_HOP | {"host", "authorization"}
_OURS = frozenset({"content-length", "content-type"})


async def pass_on(api: API, remote: Remote, request: Request) -> Answer:
    """Answer a request with what the remote answers. Raises: ServiceUnavailable."""
    if not remote.available:
        raise ServiceUnavailable("service unavailable")
    if "upgrade" in request.headers.get("Connection", "").lower():
        return await _upgrade(api, remote, request)
    headers = _headers(request)
    body = None if request.method in _WITHOUT_BODY else request.reader.chunks()
    try:
        exchange = await open_exchange(api, remote, request.method, _target(request), headers, body)
    except ExchangeFailed as error:
        raise ServiceUnavailable(f"error trying to reach service: {error}") from error
    answered = {
        name: value
        for name, value in exchange.headers.items()
        if name.lower() not in HOP_BY_HOP and name.lower() not in _OURS
    }
    content_type = exchange.headers.get("Content-Type", "application/octet-stream")
    if request.method == "HEAD":
        exchange.close()
        return Response(exchange.status, b"", content_type, answered)
    return exchange.stream(content_type, answered)


def _target(request: Request) -> str:
    path = request.raw_path or request.path
    return f"{path}?{request.query.text}" if request.query.text else path


def _headers(request: Request) -> CIMultiDict[str]:
    """The client's headers without its credentials, and who it is."""
    assert request.user is not None
    kept = [
        (name, value)
        for name, value in request.headers.items()
        if name.lower() not in _DROPPED and not name.lower().startswith(("impersonate-", "x-remote-"))
    ]
    headers = CIMultiDict([*kept, *user_headers(request.user)])
    headers["X-Forwarded-For"] = request.peer.address
    return headers


async def _upgrade(api: API, remote: Remote, request: Request) -> Takeover:
    assert request.user is not None
    place = await address_of(api, remote.namespace, remote.service, remote.port)
    try:
        upstream = await open_upgrade(
            request.method,
            f"https://{place}{_target(request)}",
            [*forwarded_headers(request.headers.items()), *user_headers(request.user)],
            tls=tls_context(api, remote),
            server_hostname=server_name(remote.namespace, remote.service),
        )
    except (UpgradeFailed, ExchangeFailed) as error:
        raise ServiceUnavailable(f"error trying to reach service: {error}") from error

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(upstream.head)
            await relay((reader, writer), (upstream.reader, upstream.writer))
        finally:
            upstream.close()

    return Takeover(run)
