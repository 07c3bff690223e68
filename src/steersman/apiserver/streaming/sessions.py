"""Endpoints of pods/exec, pods/attach and pods/portforward: SPDY passes through, WebSocket is translated."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from steersman.api.errors import ApiError, BadRequest, InternalError
from steersman.apiserver.authn.headers import header_values
from steersman.apiserver.http.values import Takeover
from steersman.apiserver.streaming import translation, tunnel
from steersman.apiserver.streaming.kubelet import dial, kubelet_of, target_pod
from steersman.apiserver.streaming.location import choose_container, port_forward_path, session_path
from steersman.apiserver.streaming.logs import has_log
from steersman.client.upgrade import forwarded_headers, relay
from steersman.wire import portforward, remotecommand, websocket

if TYPE_CHECKING:
    import asyncio

    from steersman.api.types import Object
    from steersman.apiserver.handlers.target import Target
    from steersman.apiserver.http.values import Request
    from steersman.client.upgrade import Upgraded

AT_ONCE_SECONDS = 2.0
"""An attach that ends sooner may have met a container at its end."""


async def pod_exec(target: Target) -> Takeover:
    return await _session(target, "exec")


async def pod_attach(target: Target) -> Takeover:
    return await _session(target, "attach")


async def pod_port_forward(target: Target) -> Takeover:
    pod = await target_pod(target)
    url = await kubelet_of(target.api, pod) + port_forward_path(pod, target.request.query)
    request = target.request
    if _upgrade(request) != "websocket":
        return await pass_through(target, url)
    offered = websocket.offered_subprotocols(header_values(request.headers, "Sec-WebSocket-Protocol"))
    if not portforward.offers_tunnel(offered):
        return await pass_through(target, url)
    upstream = await dial(target.api, "POST", url, _spdy_headers(portforward.PROTOCOL))
    return tunnel.answer(_key(request), upstream)


async def _session(target: Target, verb: str) -> Takeover:
    pod, request = await target_pod(target), target.request
    container = choose_container(pod, request.query.get("container"))
    url = await kubelet_of(target.api, pod) + session_path(verb, pod, container, request.query)
    if _upgrade(request) != "websocket":
        return await pass_through(target, url)
    offered = websocket.offered_subprotocols(header_values(request.headers, "Sec-WebSocket-Protocol"))
    protocol = remotecommand.select_subprotocol(offered)
    if protocol is None:
        spoken = " ".join(known.name for known in remotecommand.SUBPROTOCOLS)
        raise BadRequest(
            f"unable to upgrade: unable to negotiate protocol: client supports {offered}, "
            f"server accepts [{spoken}]"
        )

    async def connect() -> Upgraded:
        return await dial(target.api, "POST", url, _spdy_headers(remotecommand.SPDY_PROTOCOLS[0]))

    missed = partial(_too_late, target, pod, container, target.api.clock.monotonic())
    return translation.answer(
        _key(request), protocol, _channels(request), connect, missed if verb == "attach" else None
    )


async def _too_late(target: Target, pod: Object, container: str, began: float) -> ApiError | None:
    """The error of an attach that ended at once and showed nothing, though the container has written.

    `kubectl run -i` then falls back to the log.
    """
    if target.api.clock.monotonic() - began > AT_ONCE_SECONDS or not await has_log(target, pod, container):
        return None
    return InternalError.of(
        f'container "{container}" ended before the attach took hold; its output is in its log'
    )


def _channels(request: Request) -> list[remotecommand.Channel]:
    """The channels of a session, in the order their streams are opened."""
    query, channel = request.query, remotecommand.Channel
    tty = query.flag("tty")
    wanted = [
        (channel.ERROR, True),
        (channel.STDIN, query.flag("stdin")),
        (channel.STDOUT, query.flag("stdout")),
        (channel.STDERR, query.flag("stderr") and not tty),
        (channel.RESIZE, tty),
    ]
    return [name for name, on in wanted if on]


def _upgrade(request: Request) -> str:
    """The protocol a request wants to change to, lower case. Raises BadRequest when it wants none."""
    wanted = request.headers.get("Upgrade", "").lower()
    if not wanted or "upgrade" not in request.headers.get("Connection", "").lower():
        raise BadRequest("Upgrade request required")
    return wanted


def _key(request: Request) -> str:
    key = request.headers.get("Sec-WebSocket-Key", "")
    if not key or request.headers.get("Sec-WebSocket-Version") != "13":
        raise BadRequest("the WebSocket handshake lacks its key, or is not version 13")
    return key


def _spdy_headers(protocol: str) -> list[tuple[str, str]]:
    return [
        ("Connection", "Upgrade"),
        ("Upgrade", "SPDY/3.1"),
        (remotecommand.PROTOCOL_HEADER, protocol),
        ("Content-Length", "0"),
    ]


async def pass_through(target: Target, url: str) -> Takeover:
    """Repeat the client's own upgrade to the kubelet, and copy bytes from then on."""
    request = target.request
    _upgrade(request)
    upstream = await dial(target.api, request.method, url, forwarded_headers(request.headers.items()))

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(upstream.head)
            await relay((reader, writer), (upstream.reader, upstream.writer))
        finally:
            upstream.close()

    return Takeover(run)
