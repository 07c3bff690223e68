"""What every pod worker of a node shares."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steersman.kubelet.pods.dns import Resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from steersman.api.types import Object
    from steersman.client.events import Recorder
    from steersman.client.rest import Client
    from steersman.kubelet.cgroups import Cgroups
    from steersman.kubelet.cri.cache import RuntimeCache
    from steersman.kubelet.cri.client import Runtime
    from steersman.kubelet.images import Images
    from steersman.kubelet.outside import ApiOutside
    from steersman.kubelet.probes.handlers import Handlers
    from steersman.kubelet.probes.prober import Prober
    from steersman.kubelet.status.writer import StatusWriter
    from steersman.kubelet.volumes.podvolumes import PodVolumes
    from steersman.runtime.clock import Clock

SANDBOXES_AT_ONCE = 8


@dataclass(slots=True)
class NodeFacts:
    """What pods learn of their node; filled in when the node registers."""

    name: str
    ips: tuple[str, ...] = ()
    memory: int = 0
    """bytes"""
    allocatable: Mapping[str, str] = field(default_factory=dict)
    resolver: Resolver = field(default_factory=Resolver)
    oom_floor: int = -1000
    runtime_name: str = "containerd"


@dataclass(frozen=True, slots=True)
class Kit:
    """The tools of a pod worker."""

    root: str
    logs: str
    cluster_dns: tuple[str, ...]
    cluster_domain: str
    node: NodeFacts
    client: Client
    runtime: Runtime
    cache: RuntimeCache
    images: Images
    volumes: PodVolumes
    outside: ApiOutside
    handlers: Handlers
    prober: Prober
    cgroups: Cgroups
    status: StatusWriter
    recorder: Recorder
    clock: Clock
    services: Callable[[], Iterable[Object]]
    """every Service, from a synced cache"""
    active_pods: Callable[[], Iterable[Object]]
    """every pod of the node that runs or may still run"""
    mirror_of: Callable[[Object], Object | None]
    """the API object that shows a static pod; the pod itself for any other"""
    sandbox_slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SANDBOXES_AT_ONCE))
