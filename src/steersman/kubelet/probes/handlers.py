"""One question to a container: exec, httpGet, tcpSocket or grpc.

An `Answer` is healthy or not, with the text that goes into the Unhealthy event.  A handler never raises for
what the container does; `ProbeBroken` means that the question itself cannot be asked (a port name that is
nowhere).
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steersman.kubelet.cri.client import RuntimeCallFailed

if TYPE_CHECKING:
    import aiohttp

    from steersman.api.types import Object
    from steersman.kubelet.cri.client import Runtime

BODY_LIMIT = 10 * 1024  # bytes of an answer that are read
SHOWN = 1024  # bytes of output in an event
HEALTH_CHECK = "/grpc.health.v1.Health/Check"
SERVING = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


class ProbeBroken(Exception):
    """The probe cannot be carried out."""


@dataclass(frozen=True, slots=True)
class Answer:
    healthy: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the question goes."""

    container: Object
    container_id: str
    pod_ip: str


class Handlers:
    """Asks questions; one HTTP session is shared by all (made at the first HTTP probe)."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, action: Object, target: Target, timeout: float) -> Answer:
        """Carry out one probe or hook action within `timeout` seconds.

        `action` holds one of exec, httpGet, tcpSocket, grpc.  Raises: ProbeBroken.
        """
        if command := action.get("exec"):
            return await self.run(target, list(command.get("command") or ()), timeout)
        if request := action.get("httpGet"):
            return await self.get(target, request, timeout)
        if connect := action.get("tcpSocket"):
            return await self.connect(target, connect, timeout)
        if health := action.get("grpc"):
            return await self.check_health(target, health, timeout)
        raise ProbeBroken("missing probe handler")

    async def run(self, target: Target, command: list[str], timeout: float) -> Answer:
        try:
            code, output = await self._runtime.exec_sync(target.container_id, command, max(int(timeout), 1))
        except RuntimeCallFailed as error:
            if error.code == "DeadlineExceeded":
                return Answer(False, f'command timed out: "{" ".join(command)}" timed out after {timeout:g}s')
            return Answer(False, str(error))
        return Answer(code == 0, output[:SHOWN].decode("utf-8", "replace"))

    async def get(self, target: Target, request: Object, timeout: float) -> Answer:
        import aiohttp

        scheme = str(request.get("scheme") or "HTTP").lower()
        port = port_number(target.container, request["port"])
        host = request.get("host") or target.pod_ip
        path = request.get("path") or "/"
        url = f"{scheme}://{bracketed(host)}:{port}{path if path.startswith('/') else '/' + path}"
        headers = {"User-Agent": "kube-probe/1.37", "Accept": "*/*"}
        headers |= {item["name"]: item["value"] for item in request.get("httpHeaders") or ()}
        try:
            async with (
                asyncio.timeout(timeout),
                self._http(aiohttp).get(url, headers=headers, allow_redirects=False, ssl=False) as response,
            ):
                body = await response.content.read(BODY_LIMIT)
        except TimeoutError:
            return Answer(
                False,
                f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(False, f'Get "{url}": {dial_error(error, host, port)}')
        if 200 <= response.status < 400:
            return Answer(True, body[:SHOWN].decode("utf-8", "replace"))
        return Answer(False, f"HTTP probe failed with statuscode: {response.status}")

    def _http(self, aiohttp: Any) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(force_close=True, limit=0)
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            )
        return self._session

    async def connect(self, target: Target, connect: Object, timeout: float) -> Answer:
        host = connect.get("host") or target.pod_ip
        port = port_number(target.container, connect["port"])
        try:
            async with asyncio.timeout(timeout):
                _, writer = await asyncio.open_connection(host, port)
        except TimeoutError:
            return Answer(False, f"dial tcp {bracketed(host)}:{port}: i/o timeout")
        except OSError as error:
            return Answer(False, dial_error(error, host, port))
        writer.close()
        return Answer(True)

    async def check_health(self, target: Target, health: Object, timeout: float) -> Answer:
        import grpc
        import grpc.aio

        address = f"{bracketed(target.pod_ip)}:{int(health['port'])}"
        service = (health.get("service") or "").encode()
        options = [("grpc.enable_http_proxy", 0), ("grpc.primary_user_agent", "kube-probe/1.37")]
        async with grpc.aio.insecure_channel(address, options=options) as channel:
            try:
                reply = await channel.unary_unary(HEALTH_CHECK, None, None)(
                    health_request(service), timeout=timeout
                )
            except grpc.aio.AioRpcError as error:
                if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                    return Answer(
                        False, f'timeout: health rpc to "{address}" did not complete within {timeout:g}s'
                    )
                return Answer(False, f"error: health rpc failed: {error.code().name}: {error.details()}")
        state = health_state(reply)
        if state == "SERVING":
            return Answer(True, "service healthy")
        return Answer(False, f'service unhealthy (responded with "{state}")')


def health_request(service: bytes) -> bytes:
    """grpc.health.v1.HealthCheckRequest{service = 1}."""
    return b"\x0a" + bytes([len(service)]) + service if 0 < len(service) < 128 else b""


def health_state(reply: bytes) -> str:
    """The name of grpc.health.v1.HealthCheckResponse{status = 1}."""
    return SERVING.get(reply[1] if len(reply) > 1 and reply[0] == 0x08 else 0, "UNKNOWN")


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def dial_error(error: BaseException, host: str, port: int) -> str:
    """A connection failure in the words people know from elsewhere."""
    if isinstance(error, OSError) and error.errno:
        return f"dial tcp {bracketed(host)}:{port}: connect: {os.strerror(error.errno).lower()}"
    return str(error) or type(error).__name__


def port_number(container: Object, port: int | str) -> int:
    """A port given by number or by the name of a container port. Raises: ProbeBroken."""
    if isinstance(port, int):
        return port
    for declared in container.get("ports") or ():
        if declared.get("name") == port:
            return int(declared["containerPort"])
    if port.isdigit():
        return int(port)
    raise ProbeBroken(f"couldn't find port: {port!r} in container {container['name']}")
