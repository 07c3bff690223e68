"""Health-check node ports: how an external load balancer learns which nodes have endpoints of a Service.

A Service of type LoadBalancer with externalTrafficPolicy Local has a `healthCheckNodePort`; every node
answers there with 200 when it has an endpoint and 503 when not. Source of the answer's form: the documented
kube-proxy service health server.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiohttp import web

    from steersman.proxy.services import ServicePort

__all__ = ["HealthChecks", "plan_health_checks"]

log = logging.getLogger("steersman.proxy.healthcheck")

Key = tuple[str, str]
"""(namespace, name) of a Service."""


def plan_health_checks(services: Mapping[Key, Iterable[ServicePort]]) -> dict[int, tuple[Key, int]]:
    """By node port: the Service that is asked about, and how many endpoints it has on this node."""
    wanted: dict[int, tuple[Key, int]] = {}
    for key in sorted(services):
        ports = tuple(services[key])
        number = max((port.health_check_node_port for port in ports), default=0)
        if number:
            local = {e.address for port in ports for e in port.local_endpoints}
            wanted.setdefault(number, (key, len(local)))
    return wanted


class HealthChecks:
    """The listeners. `healthy` says whether the rules are in the kernel."""

    def __init__(self, bind: str, healthy: Callable[[], bool]) -> None:
        self._bind = bind
        self._healthy = healthy
        self._answers: dict[int, tuple[Key, int]] = {}
        self._open: dict[int, AsyncExitStack] = {}

    async def apply(self, wanted: dict[int, tuple[Key, int]]) -> None:
        """Listen on exactly these ports. One that is taken by others is logged and tried again next time."""
        self._answers = wanted
        for port in [p for p in self._open if p not in wanted]:
            await self._open.pop(port).aclose()
        for port in wanted:
            if port not in self._open:
                try:
                    self._open[port] = await self._listen(port)
                except OSError as error:
                    log.error("cannot answer health checks of %s/%s: %s", *wanted[port][0], error)

    async def close(self) -> None:
        await self.apply({})

    async def _listen(self, port: int) -> AsyncExitStack:
        from aiohttp import web

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return self._answer(port)

        runner = web.ServerRunner(web.Server(handle, access_log=None))
        await runner.setup()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, self._bind, port).start()
            return stack.pop_all()

    def _answer(self, port: int) -> web.StreamResponse:
        from aiohttp import web

        (namespace, name), local = self._answers[port]
        healthy = self._healthy()
        body = {
            "service": {"namespace": namespace, "name": name},
            "localEndpoints": local,
            "serviceProxyHealthy": healthy,
        }
        return web.Response(
            status=200 if local and healthy else 503,
            body=orjson.dumps(body),
            headers={"Content-Type": "application/json", "X-Content-Type-Options": "nosniff"},
        )
