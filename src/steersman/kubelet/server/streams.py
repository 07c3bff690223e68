"""exec, attach and port-forward: the runtime serves the session; the kubelet passes the upgraded bytes on.

client ── upgrade ──> kubelet ── CRI Exec/Attach/PortForward ──> URL
                         └────── the same upgrade request ──────> runtime's streaming server
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web

from steersman.api import meta
from steersman.api.errors import BadRequest, InternalError, NotFound
from steersman.client.upgrade import UpgradeFailed, forwarded_headers, open_upgrade, relay
from steersman.kubelet.server.access import StreamOptions
from steersman.kubelet.server.takeover import take_over
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from steersman.api.types import Object
    from steersman.kubelet.server.access import PodAccess
    from steersman.kubelet.server.stdio_keeper import StdioKeeper
    from steersman.runtime.clock import Clock

_TRUE = ("1", "true")
RUNNING_EVERY = 1.0
"""Seconds between two questions whether an attached container still runs."""
ATTACH_GRACE = 2.0
"""Seconds a runtime gets to end an attach session after the container: containerd 1.6 forgets to, when the
container ends while the session begins."""


def stream_options(request: web.Request) -> StreamOptions:
    """Which streams the query asks for. Raises BadRequest when it asks for none."""
    query = request.query
    tty = query.get("tty", "") in _TRUE
    options = StreamOptions(
        stdin=query.get("input", "") in _TRUE,
        stdout=query.get("output", "") in _TRUE,
        stderr=query.get("error", "") in _TRUE and not tty,
        tty=tty,
    )
    if not (options.stdin or options.stdout or options.stderr):
        raise BadRequest("you must specify at least 1 of stdin, stdout, stderr")
    return options


def _pod(request: web.Request, access: PodAccess) -> Object:
    match = request.match_info
    pod = access.find_pod(match["namespace"], match["pod"], match.get("uid", ""))
    if pod is None:
        raise NotFound("pod does not exist")
    return pod


def _container(request: web.Request, access: PodAccess) -> str:
    pod, name = _pod(request, access), request.match_info["container"]
    container_id = access.container_id(meta.uid(pod), name)
    if container_id is None:
        raise NotFound(f'container not found ("{name}")')
    return container_id


async def exec_in_container(
    request: web.Request, access: PodAccess, keeper: StdioKeeper
) -> web.StreamResponse:
    options = stream_options(request)
    container_id = _container(request, access)
    url = await access.exec_url(container_id, request.query.getall("command", []), options)
    if options.stdin and not options.tty:
        keeper.expect(container_id)
    return await pass_on(request, url)


async def attach(request: web.Request, access: PodAccess, clock: Clock) -> web.StreamResponse:
    """Attach to the container's own process; the session ends at the latest a moment after the container."""
    options = stream_options(request)
    container_id = _container(request, access)
    url = await access.attach_url(container_id, options)

    async def ended() -> None:
        while await access.container_running(container_id):
            await clock.sleep(RUNNING_EVERY)
        await clock.sleep(ATTACH_GRACE)

    return await pass_on(request, url, ended)


async def port_forward(request: web.Request, access: PodAccess) -> web.StreamResponse:
    pod = _pod(request, access)
    sandbox_id = access.sandbox_id(meta.uid(pod))
    if sandbox_id is None:
        raise NotFound(f'pod "{meta.name(pod)}" has no ready sandbox')
    ports = [
        int(port)
        for value in request.query.getall("port", [])
        for port in value.split(",")
        if port.isdigit() and 0 < int(port) < 65536
    ]
    return await pass_on(request, await access.port_forward_url(sandbox_id, ports))


async def pass_on(
    request: web.Request, url: str, ended: Callable[[], Coroutine[Any, Any, None]] | None = None
) -> web.StreamResponse:
    """Repeat the client's upgrade request to `url` and relay from then on, until `ended` returns at the
    latest.

    Raises InternalError.
    """
    if "upgrade" not in request.headers.get("Connection", "").lower():
        raise BadRequest("Upgrade request required")
    headers = forwarded_headers(request.headers.items())
    try:
        upstream = await open_upgrade(request.method, url, headers)
    except UpgradeFailed as error:
        raise InternalError.of(f"the container runtime's streaming server: {error}") from error
    try:
        reader, writer = take_over(request)
        writer.write(upstream.head)
        relaying = relay((reader, writer), (upstream.reader, upstream.writer))
        if ended is None:
            await relaying
        else:
            await _first_of(relaying, ended())
    finally:
        upstream.close()
    return web.Response()


async def _first_of(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run them together; when one returns the others are cancelled."""
    async with TaskGroup() as group:
        tasks = [group.spawn(coroutine, "streaming session") for coroutine in coroutines]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
