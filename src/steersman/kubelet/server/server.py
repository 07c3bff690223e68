"""Routes, errors and life of the kubelet's HTTPS server. Paths are upstream's (docs/seams.md)."""

from __future__ import annotations

import logging
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from steersman.api.errors import ApiError
from steersman.kubelet.server import container_logs, stats, streams
from steersman.kubelet.server.auth import Gatekeeper
from steersman.kubelet.server.stdio_keeper import StdioKeeper
from steersman.runtime.clock import SystemClock

if TYPE_CHECKING:
    from steersman.client.rest import Client
    from steersman.kubelet.server.access import PodAccess
    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.kubelet.server")

PORT = 10250
SHUTDOWN_SECONDS = 2.0
"""How long open sessions may go on once the server stops."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    node_name: str
    cert_file: str
    """Server certificate, PEM; its names must cover the node's InternalIP."""
    key_file: str
    client_ca_file: str
    """The cluster's CA: signs the client certificates that are accepted."""
    address: str = "0.0.0.0"
    port: int = PORT
    """0 picks a free one."""
    runtime_socket: str = ""
    """The container runtime's; tells where containerd keeps its state (see `stdio_keeper`)."""
    log_directory: str = "/var/log"
    """What /logs/ shows."""


class KubeletServer:
    """The server as an async context manager; `port` is known inside the block."""

    def __init__(
        self, config: ServerConfig, access: PodAccess, client: Client, clock: Clock | None = None
    ) -> None:
        self._config = config
        self._access = access
        self._clock = clock or SystemClock()
        self._gatekeeper = Gatekeeper(client, config.node_name)
        self._keeper = StdioKeeper(config.runtime_socket, self._clock)
        self._stack = AsyncExitStack()
        self.port = config.port

    async def __aenter__(self) -> KubeletServer:
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        async with AsyncExitStack() as on_failure:
            await on_failure.enter_async_context(self._keeper)
            await runner.setup()
            on_failure.push_async_callback(runner.cleanup)
            site = web.TCPSite(
                runner,
                self._config.address,
                self._config.port,
                ssl_context=server_context(self._config),
                reuse_address=True,
            )
            await site.start()
            self._stack = on_failure.pop_all()
        self.port = runner.addresses[0][1]
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard])
        for method, path, handler in self._routes():
            application.router.add_route(method, path, handler)
        application.router.add_static("/logs/", self._config.log_directory, show_index=True)
        return application

    def _routes(self) -> list[tuple[str, str, Any]]:
        access, clock, keeper = self._access, self._clock, self._keeper

        async def logs(request: web.Request) -> web.StreamResponse:
            return await container_logs.container_logs(request, access, clock)

        async def execute(request: web.Request) -> web.StreamResponse:
            return await streams.exec_in_container(request, access, keeper)

        async def attach(request: web.Request) -> web.StreamResponse:
            return await streams.attach(request, access, clock)

        async def forward(request: web.Request) -> web.StreamResponse:
            return await streams.port_forward(request, access)

        pod = "{namespace}/{pod}"
        return [
            ("GET", "/healthz", self._healthz),
            ("GET", "/healthz/{check}", self._healthz),
            ("GET", "/pods", self._pods),
            ("GET", "/metrics", self._metrics),
            ("GET", "/metrics/resource", self._resource_metrics),
            ("GET", "/stats/summary", self._summary),
            ("GET", f"/containerLogs/{pod}/{{container}}", logs),
            *((method, path, execute) for method in ("GET", "POST") for path in _with_uid("exec")),
            *((method, path, attach) for method in ("GET", "POST") for path in _with_uid("attach")),
            *(
                (method, path, forward)
                for method in ("GET", "POST")
                for path in (f"/portForward/{pod}", f"/portForward/{pod}/{{uid}}")
            ),
        ]

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Admit the request, and turn API errors into plain-text answers (the API server reads them)."""
        try:
            await self._gatekeeper.admit(request)
            answer: web.StreamResponse = await handler(request)
        except ApiError as error:
            return web.Response(status=error.code, text=error.message, content_type="text/plain")
        return answer

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _pods(self, _request: web.Request) -> web.Response:
        pods = [{"kind": "Pod", "apiVersion": "v1", **pod} for pod in self._access.list_pods()]
        return _json({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods})

    async def _metrics(self, _request: web.Request) -> web.Response:
        from steersman.runtime.metrics import CONTENT_TYPE, exposition

        return web.Response(body=exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def _resource_metrics(self, _request: web.Request) -> web.Response:
        text = stats.resource_metrics(await self._access.stats_summary())
        return web.Response(text=text, content_type="text/plain")

    async def _summary(self, _request: web.Request) -> web.Response:
        return _json(await self._access.stats_summary())


def _with_uid(verb: str) -> tuple[str, str]:
    base = f"/{verb}/{{namespace}}/{{pod}}"
    return f"{base}/{{container}}", f"{base}/{{uid}}/{{container}}"


def _json(obj: object) -> web.Response:
    return web.Response(body=orjson.dumps(obj), content_type="application/json")


def server_context(config: ServerConfig) -> ssl.SSLContext:
    """TLS with our certificate; a client certificate is asked for and, when given, must be the cluster
    CA's."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=config.client_ca_file)
    context.load_cert_chain(config.cert_file, config.key_file)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


async def serve(config: ServerConfig, access: PodAccess, client: Client, clock: Clock | None = None) -> None:
    """Serve until cancelled. Raises OSError when the address cannot be bound or a file cannot be read."""
    import asyncio

    async with KubeletServer(config, access, client, clock) as server:
        log.info("serving on %s:%d", config.address, server.port)
        await asyncio.get_running_loop().create_future()
