"""What the HTTPS server asks of the kubelet: the `PodAccess` of `server/access.py` over workers and
runtime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.errors import InternalError
from steersman.kubelet.cri.client import RuntimeCallFailed
from steersman.kubelet.stats import summary

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import TypeVar

    from steersman.api.types import Object
    from steersman.kubelet.pods.kit import Kit
    from steersman.kubelet.pods.workers import Workers
    from steersman.kubelet.server.access import StreamOptions

    T = TypeVar("T")


class KubeletAccess:
    """`PodAccess` of this kubelet."""

    def __init__(self, kit: Kit, workers: Workers) -> None:
        self._kit = kit
        self._workers = workers

    def list_pods(self) -> list[Object]:
        return [self._shown(pod) for pod in self._workers.pods()]

    def find_pod(self, namespace: str, name: str, uid: str = "") -> Object | None:
        for pod in self._workers.pods():
            meta = pod["metadata"]
            if meta["namespace"] == namespace and meta["name"] == name and uid in ("", meta["uid"]):
                return self._shown(pod)
        return None

    def _shown(self, pod: Object) -> Object:
        status = self._kit.status.current(pod["metadata"]["uid"])
        return pod if status is None else {**pod, "status": status}

    def container_id(self, pod_uid: str, container: str) -> str | None:
        latest = self._kit.cache.get(pod_uid).latest(container)
        return latest.id if latest else None

    def sandbox_id(self, pod_uid: str) -> str | None:
        sandbox = self._kit.cache.get(pod_uid).sandbox
        return sandbox.id if sandbox is not None and sandbox.ready else None

    def log_path(self, pod_uid: str, container: str, *, previous: bool = False) -> str | None:
        runtime = self._kit.cache.get(pod_uid)
        found = runtime.previous(container) if previous else runtime.latest(container)
        return found.log_path if found and found.log_path else None

    async def container_running(self, container_id: str) -> bool:
        for runtime in self._kit.cache.pods.values():
            if found := runtime.by_id(container_id):
                return found.state in ("running", "created")
        return False

    async def exec_url(self, container_id: str, command: list[str], streams: StreamOptions) -> str:
        return await _ask(
            self._kit.runtime.exec_url(
                container_id,
                command,
                tty=streams.tty,
                stdin=streams.stdin,
                stdout=streams.stdout,
                stderr=streams.stderr,
            )
        )

    async def attach_url(self, container_id: str, streams: StreamOptions) -> str:
        return await _ask(
            self._kit.runtime.attach_url(
                container_id,
                tty=streams.tty,
                stdin=streams.stdin,
                stdout=streams.stdout,
                stderr=streams.stderr,
            )
        )

    async def port_forward_url(self, sandbox_id: str, ports: list[int]) -> str:
        return await _ask(self._kit.runtime.port_forward_url(sandbox_id, ports))

    async def stats_summary(self) -> Object:
        found = await _ask(self._kit.runtime.list_container_stats())
        return summary(
            self._kit.node.name, self.list_pods(), found, self._kit.cgroups, self._kit.clock.time()
        )


async def _ask(call: Awaitable[T]) -> T:
    try:
        return await call
    except RuntimeCallFailed as error:
        raise InternalError(str(error)) from error
