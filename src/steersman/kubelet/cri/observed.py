"""What the runtime says of one pod, as frozen records that planners and status makers can read.

Times are wall-clock seconds; 0.0 means "has not happened".  Lists are newest first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from steersman.wire.cri import cri_pb2 as pb

POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
POD_UID = "io.kubernetes.pod.uid"
CONTAINER_NAME = "io.kubernetes.container.name"
CONTAINER_HASH = "io.kubernetes.container.hash"
RESTART_COUNT = "io.kubernetes.container.restartCount"
TERMINATION_PATH = "io.kubernetes.container.terminationMessagePath"
TERMINATION_POLICY = "io.kubernetes.container.terminationMessagePolicy"
GRACE_PERIOD = "io.kubernetes.pod.terminationGracePeriod"

State = Literal["created", "running", "exited", "unknown"]
STATES: dict[int, State] = {
    pb.CONTAINER_CREATED: "created",
    pb.CONTAINER_RUNNING: "running",
    pb.CONTAINER_EXITED: "exited",
    pb.CONTAINER_UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One pod sandbox (the pause container and its namespaces)."""

    id: str
    ready: bool
    attempt: int
    created: float
    host_network: bool = False
    ips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Container:
    """One container that was created for a pod, whatever became of it."""

    id: str
    name: str
    attempt: int
    sandbox: str
    state: State
    created: float
    started: float = 0.0
    finished: float = 0.0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    image: str = ""
    image_id: str = ""
    log_path: str = ""
    hash: str = ""
    mounts: tuple[tuple[str, str], ...] = ()
    """(container path, host path)"""
    annotations: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PodRuntime:
    """Everything the runtime has of one pod."""

    uid: str
    name: str = ""
    namespace: str = ""
    sandboxes: tuple[Sandbox, ...] = ()
    containers: tuple[Container, ...] = ()

    @property
    def sandbox(self) -> Sandbox | None:
        """The newest sandbox, ready or not."""
        return self.sandboxes[0] if self.sandboxes else None

    @property
    def empty(self) -> bool:
        return not self.sandboxes and not self.containers

    def latest(self, name: str) -> Container | None:
        """The newest container of that name."""
        return next((c for c in self.containers if c.name == name), None)

    def previous(self, name: str) -> Container | None:
        """The container of that name before the newest one."""
        of_name = [c for c in self.containers if c.name == name]
        return of_name[1] if len(of_name) > 1 else None

    def by_id(self, container: str) -> Container | None:
        return next((c for c in self.containers if c.id == container), None)

    @property
    def running(self) -> tuple[Container, ...]:
        return tuple(c for c in self.containers if c.state in ("running", "unknown"))


def seconds(nanoseconds: int) -> float:
    """Wall-clock seconds of a CRI timestamp; 0.0 when unset."""
    return nanoseconds / 1e9 if nanoseconds > 0 else 0.0


def sandbox_from(item: Any, status: Any | None) -> Sandbox:
    """A record from a `PodSandbox` list item and, when known, its `PodSandboxStatus`."""
    ips: tuple[str, ...] = ()
    host_network = False
    if status is not None:
        host_network = status.linux.namespaces.options.network == pb.NODE
        network = status.network
        ips = tuple(ip for ip in (network.ip, *(extra.ip for extra in network.additional_ips)) if ip)
    return Sandbox(
        id=item.id,
        ready=item.state == pb.SANDBOX_READY,
        attempt=item.metadata.attempt,
        created=seconds(item.created_at),
        host_network=host_network,
        ips=ips,
    )


def container_from(item: Any, status: Any) -> Container:
    """A record from a `Container` list item and its `ContainerStatus` (which may already be newer)."""
    annotations = dict(item.annotations)
    return Container(
        id=item.id,
        name=item.metadata.name,
        attempt=item.metadata.attempt,
        sandbox=item.pod_sandbox_id,
        state=STATES.get(status.state, "unknown"),
        created=seconds(status.created_at),
        started=seconds(status.started_at),
        finished=seconds(status.finished_at),
        exit_code=status.exit_code,
        reason=status.reason,
        message=status.message,
        image=status.image.image,
        image_id=status.image_ref or item.image_ref,
        log_path=status.log_path,
        hash=annotations.get(CONTAINER_HASH, ""),
        mounts=tuple((mount.container_path, mount.host_path) for mount in status.mounts),
        annotations=annotations,
    )
