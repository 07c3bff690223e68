"""What the kubelet's HTTPS server needs to know about the pods of its node: the `PodAccess` protocol.

The pod workers implement it; the server calls it for every log, exec, attach and port-forward request.
Answers come from what the kubelet knows now (its own status of the pod, not the API server's), so they may
be a moment old. Nothing here blocks: methods that ask the runtime are coroutines.
"""

from dataclasses import dataclass
from typing import Protocol

from steersman.api.types import Object


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """Which standard streams an exec or attach session carries. With `tty`, stderr is never separate."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False


class PodAccess(Protocol):
    """The node's pods as the HTTPS server sees them.

    Coroutines raise `steersman.api.errors.ApiError` when the runtime refuses (its message reaches the user).
    """

    def list_pods(self) -> list[Object]:
        """Every pod the node runs, with the kubelet's current status in each."""
        ...

    def find_pod(self, namespace: str, name: str, uid: str = "") -> Object | None:
        """The pod with the kubelet's current `status`; with `uid`, only that incarnation (static pods
        included)."""
        ...

    def container_id(self, pod_uid: str, container: str) -> str | None:
        """The runtime's id of the newest container of that name (init and ephemeral ones too), running or
        not."""
        ...

    def sandbox_id(self, pod_uid: str) -> str | None:
        """The runtime's id of the pod's ready sandbox."""
        ...

    def log_path(self, pod_uid: str, container: str, *, previous: bool = False) -> str | None:
        """The CRI log file of the newest container, or of the one before it; None when there is none."""
        ...

    async def container_running(self, container_id: str) -> bool:
        """Whether that container still runs; False also when the runtime no longer knows it. Asked once a
        second by a followed log, so that it ends when the container ends."""
        ...

    async def exec_url(self, container_id: str, command: list[str], streams: StreamOptions) -> str:
        """The URL at which the runtime serves this exec session (CRI Exec)."""
        ...

    async def attach_url(self, container_id: str, streams: StreamOptions) -> str:
        """The URL at which the runtime serves this attach session (CRI Attach)."""
        ...

    async def port_forward_url(self, sandbox_id: str, ports: list[int]) -> str:
        """The URL at which the runtime forwards ports of the sandbox (CRI PortForward)."""
        ...

    async def stats_summary(self) -> Object:
        """`{"node": {...}, "pods": [...]}` in the shape of the kubelet's stats/v1alpha1 Summary."""
        ...
