"""The CRI configuration of one container (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steersman.kubelet.cri.observed import (
    CONTAINER_HASH,
    CONTAINER_NAME,
    GRACE_PERIOD,
    POD_NAME,
    POD_NAMESPACE,
    POD_UID,
    RESTART_COUNT,
    TERMINATION_PATH,
    TERMINATION_POLICY,
)
from steersman.kubelet.pods import env, resources, security, spec
from steersman.wire.cri import cri_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steersman.api.types import Object

TERMINATION_LOG = "/dev/termination-log"
PROPAGATION = {
    "HostToContainer": pb.PROPAGATION_HOST_TO_CONTAINER,
    "Bidirectional": pb.PROPAGATION_BIDIRECTIONAL,
}


@dataclass(frozen=True, slots=True)
class Bind:
    """One directory or file of the node inside a container."""

    target: str
    source: str
    readonly: bool = False
    propagation: str = "None"
    recursive_readonly: bool = False


@dataclass(frozen=True, slots=True)
class Preparation:
    """Everything about a container that had to be found out or made before it can be created."""

    image: str
    """the runtime's reference of the image"""
    image_facts: Any
    """the CRI Image message, for its user; None when unknown"""
    environment: Mapping[str, str]
    binds: Sequence[Bind]
    attempt: int
    root: str
    node_memory: int
    """bytes, for the OOM score"""
    oom_floor: int
    target: str = ""
    """id of the container whose processes an ephemeral container joins"""


def container_config(pod: Object, container: Object, ready: Preparation) -> Any:
    """ContainerConfig of the container's next start.

    Raises: ConfigError when its security context cannot be kept.
    """
    return pb.ContainerConfig(
        metadata=pb.ContainerMetadata(name=container["name"], attempt=ready.attempt),
        image=pb.ImageSpec(image=ready.image, user_specified_image=container.get("image") or ""),
        command=[env.expand(word, ready.environment) for word in container.get("command") or ()],
        args=[env.expand(word, ready.environment) for word in container.get("args") or ()],
        working_dir=container.get("workingDir") or "",
        envs=[
            pb.KeyValue(key=key, value=value.encode("utf-8", "surrogateescape"))
            for key, value in ready.environment.items()
        ],
        mounts=[mount(bind) for bind in ready.binds],
        labels=container_labels(pod, container),
        annotations=container_annotations(pod, container, ready.attempt),
        log_path=f"{container['name']}/{ready.attempt}.log",
        stdin=bool(container.get("stdin")),
        stdin_once=bool(container.get("stdinOnce")),
        tty=bool(container.get("tty")),
        linux=pb.LinuxContainerConfig(
            resources=resources.container_resources(pod, container, ready.node_memory, ready.oom_floor),
            security_context=security.container_security(
                pod, container, ready.image_facts, ready.root, ready.target
            ),
        ),
    )


def mount(bind: Bind) -> Any:
    return pb.Mount(
        container_path=bind.target,
        host_path=bind.source,
        readonly=bind.readonly,
        propagation=PROPAGATION.get(bind.propagation, pb.PROPAGATION_PRIVATE),
        recursive_read_only=bind.recursive_readonly,
    )


def container_labels(pod: Object, container: Object) -> dict[str, str]:
    meta = pod["metadata"]
    return {
        POD_NAME: meta["name"],
        POD_NAMESPACE: meta["namespace"],
        POD_UID: meta["uid"],
        CONTAINER_NAME: container["name"],
    }


def container_annotations(pod: Object, container: Object, attempt: int) -> dict[str, str]:
    """What the kubelet must still know of a container after its pod object is gone."""
    return {
        CONTAINER_HASH: spec.container_hash(container),
        RESTART_COUNT: str(attempt),
        TERMINATION_PATH: container.get("terminationMessagePath") or TERMINATION_LOG,
        TERMINATION_POLICY: container.get("terminationMessagePolicy") or "File",
        GRACE_PERIOD: str(spec.grace_period(pod)),
    }
