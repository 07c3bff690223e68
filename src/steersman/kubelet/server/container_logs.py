"""`GET /containerLogs/{namespace}/{pod}/{container}`: which log, and the errors users of `kubectl logs` know.

Errors are plain text; the API server turns 400 into BadRequest with the same text. Source: the kubelet's API
and the documented query parameters of the pods/log sub-resource.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from aiohttp import web

from steersman.api import meta
from steersman.api.errors import ApiError, BadRequest, NotFound
from steersman.api.times import parse_time
from steersman.kubelet.server.crilog import LogOptions
from steersman.kubelet.server.logstream import open_log, read_log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object
    from steersman.kubelet.server.access import PodAccess
    from steersman.runtime.clock import Clock

_TRUE = ("1", "true", "True", "TRUE", "t", "T")
_SPEC_LISTS = ("containers", "initContainers", "ephemeralContainers")
_STATUS_LISTS = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_PULLING = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


def parse_options(query: Mapping[str, str], now: float) -> LogOptions:
    """Read the query of a log request; `now` is wall time in seconds. Raises BadRequest."""
    since = None
    if "sinceSeconds" in query:
        since = now - _number(query, "sinceSeconds", minimum=1)
    elif query.get("sinceTime"):
        try:
            since = parse_time(query["sinceTime"])
        except ValueError as error:
            raise BadRequest(f"invalid sinceTime {query['sinceTime']!r}: {error}") from error
    return LogOptions(
        tail_lines=_number(query, "tailLines") if "tailLines" in query else None,
        limit_bytes=_number(query, "limitBytes", minimum=1) if "limitBytes" in query else None,
        since=since,
        timestamps=query.get("timestamps", "") in _TRUE,
        follow=query.get("follow", "") in _TRUE,
        stream=query.get("stream", "") or "All",
    )


def _number(query: Mapping[str, str], name: str, *, minimum: int = 0) -> int:
    text = query[name]
    if not text.lstrip("-").isdigit() or int(text) < minimum:
        raise BadRequest(f"{name}: Invalid value: {text!r}: must be an integer of at least {minimum}")
    return int(text)


def has_container(pod: Object, container: str) -> bool:
    spec = pod.get("spec") or {}
    return any(item["name"] == container for part in _SPEC_LISTS for item in spec.get(part) or ())


def check_log_available(pod: Object, container: str, *, previous: bool) -> None:
    """Raise BadRequest when the container's status says that the log asked for cannot exist."""
    name = meta.name(pod)
    status = _container_status(pod, container)
    if status is None:
        raise BadRequest(f'container "{container}" in pod "{name}" is not available')
    state, last = status.get("state") or {}, (status.get("lastState") or {}).get("terminated")
    had_one_before = bool(last and last.get("containerID"))
    if previous:
        if not had_one_before:
            raise BadRequest(f'previous terminated container "{container}" in pod "{name}" not found')
        return
    if "running" in state or had_one_before:
        return
    if "terminated" in state:
        if state["terminated"].get("containerID"):
            return
        raise BadRequest(f'container "{container}" in pod "{name}" is terminated')
    reason = (state.get("waiting") or {}).get("reason") or "ContainerCreating"
    raise BadRequest(
        f'container "{container}" in pod "{name}" is waiting to start: {_PULLING.get(reason, reason)}'
    )


def _container_status(pod: Object, container: str) -> Object | None:
    status = pod.get("status") or {}
    for part in _STATUS_LISTS:
        for item in status.get(part) or ():
            if item.get("name") == container:
                return item  # type: ignore[no-any-return]
    return None


async def container_logs(request: web.Request, access: PodAccess, clock: Clock) -> web.StreamResponse:
    """Stream one container's log."""
    match = request.match_info
    pod = access.find_pod(match["namespace"], match["pod"])
    container = match["container"]
    if pod is None:
        raise NotFound(f'pod "{match["pod"]}" not found')
    if not has_container(pod, container):
        raise NotFound(f'container "{container}" not found in pod "{match["pod"]}"')
    options = parse_options(request.query, clock.time())
    previous = request.query.get("previous", "") in _TRUE
    check_log_available(pod, container, previous=previous)
    return await _send(request, access, pod, container, options, clock, previous=previous)


async def _send(
    request: web.Request,
    access: PodAccess,
    pod: Object,
    container: str,
    options: LogOptions,
    clock: Clock,
    *,
    previous: bool,
) -> web.StreamResponse:
    uid = meta.uid(pod)
    path = access.log_path(uid, container, previous=previous)
    container_id = access.container_id(uid, container)
    if path is None:
        raise BadRequest(f'container "{container}" in pod "{meta.name(pod)}" is not available')

    async def running() -> bool:
        return not previous and container_id is not None and await access.container_running(container_id)

    try:
        file = open_log(path)
    except OSError as error:
        raise ApiError(f"failed to open log file {path!r}: {error.strerror}") from error
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    async with aclosing(read_log(file, path, options, running, clock)) as pieces:
        await response.prepare(request)
        async for piece in pieces:
            await response.write(piece)
    await response.write_eof()
    return response
