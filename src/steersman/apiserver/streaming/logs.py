"""pods/log: the kubelet's container log, streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.errors import InternalError
from steersman.apiserver.http.values import Query, Response
from steersman.apiserver.streaming.http_request import Exchange, ExchangeFailed
from steersman.apiserver.streaming.kubelet import kubelet_of, kubelet_tls, plain_refusal, target_pod
from steersman.apiserver.streaming.location import choose_container, log_path

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.handlers.target import Target
    from steersman.apiserver.http.values import Answer

ERROR_BYTES = 64 * 1024
TEXT = "text/plain"


async def pod_log(target: Target) -> Answer:
    """Stream a log. A pod that runs nowhere yet has an empty one."""
    pod = await target_pod(target)
    query = target.request.query
    path = log_path(pod, choose_container(pod, query.get("container")), query)
    if not (pod.get("spec") or {}).get("nodeName"):
        return Response(200, b"", TEXT)
    exchange = await _open(target, pod, path)
    if exchange.status != 200:
        raise plain_refusal(exchange.status, await exchange.read(ERROR_BYTES))
    return exchange.stream(TEXT)


async def has_log(target: Target, pod: Object, container: str) -> bool:
    """Whether a container has written anything so far."""
    exchange = await _open(target, pod, log_path(pod, container, Query("limitBytes=1")))
    return exchange.status == 200 and bool(await exchange.read(1))


async def _open(target: Target, pod: Object, path: str) -> Exchange:
    url = await kubelet_of(target.api, pod)
    tls = kubelet_tls(target.api) if url.startswith("https:") else None
    try:
        return await Exchange.open("GET", url + path, tls=tls)
    except ExchangeFailed as error:
        raise InternalError.of(f'Get "{url}{path}": {error}') from error
