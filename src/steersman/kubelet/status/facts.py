"""What a pod's status is made from, beside the pod object and the runtime's records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a container is not running: the reason and message of its waiting state."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the worker, the prober and the node know."""

    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    """by container name: it could not be started, or is held back"""
    started: frozenset[str] = frozenset()
    """ids of containers that passed their startup probe, or have none"""
    unready: frozenset[str] = frozenset()
    """ids of running containers whose readiness probe has not succeeded"""
    messages: Mapping[str, str] = field(default_factory=dict)
    """by container id: the termination message"""
    resources: Mapping[str, Object] = field(default_factory=dict)
    """by container id: the CPU and memory limits and requests it runs with, where they were changed"""
    resize: tuple[str, str] | None = None
    """reason and message of a resize that is not carried out"""
    host_ips: tuple[str, ...] = ()
    runtime_name: str = "containerd"
    terminal: bool = False
    """the pod has been told to end and nothing of it runs any more"""
    reason: str = ""
    """why the kubelet itself ended the pod: `DeadlineExceeded`, `Evicted`"""
    message: str = ""
