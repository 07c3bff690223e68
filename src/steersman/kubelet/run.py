"""The kubelet, put together: pods of this node from the API server to the container runtime.

    API server ─ informer ─┐                       ┌─ StatusWriter ─> API server
    manifests ── Sources ──┴─> Workers ─ PodWorker ┼─ Starter, Stopper ─> Runtime (CRI)
    runtime ─ RuntimeWatch ──> (wake) ──┘          └─ Prober, PodVolumes, Images, Cgroups

`run` works until it is cancelled and then leaves every container running; a new kubelet adopts them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steersman.api.kinds import PODS, SERVICES
from steersman.kubelet import metrics
from steersman.kubelet.access import KubeletAccess
from steersman.kubelet.cgroups import Cgroups, lowest_oom_score
from steersman.kubelet.config import KubeletConfig
from steersman.kubelet.cri.cache import RuntimeCache
from steersman.kubelet.cri.client import Runtime, RuntimeCallFailed
from steersman.kubelet.cri.watch import RuntimeWatch
from steersman.kubelet.images import Images
from steersman.kubelet.node import lease
from steersman.kubelet.node.agent import NodeAgent
from steersman.kubelet.node.machine import default_address, read_machine
from steersman.kubelet.outside import ApiOutside
from steersman.kubelet.pods.dns import Resolver, parse_resolv_conf
from steersman.kubelet.pods.kit import Kit, NodeFacts
from steersman.kubelet.pods.sources import Sources
from steersman.kubelet.pods.workers import Workers
from steersman.kubelet.probes.handlers import Handlers
from steersman.kubelet.probes.prober import Prober
from steersman.kubelet.status.writer import StatusWriter
from steersman.kubelet.upkeep import Upkeep
from steersman.kubelet.volumes.podvolumes import PodVolumes
from steersman.runtime.backoff import Backoff
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.events import Recorder
    from steersman.client.informer import Informers
    from steersman.client.rest import Client
    from steersman.kubelet.node.machine import Machine
    from steersman.runtime.clock import Clock

__all__ = ["Kubelet", "KubeletConfig", "run"]

log = logging.getLogger("steersman.kubelet")


async def run(
    config: KubeletConfig, client: Client, informers: Informers, recorder: Recorder, clock: Clock
) -> None:
    """Be the kubelet of one node until cancelled.

    `informers` must be run by the caller.  Waits for the container runtime as long as it takes.
    """
    async with Runtime(config.cri_socket) as runtime:
        await wait_for_runtime(runtime, clock)
        await Kubelet(config, client, informers, recorder, clock, runtime).run()


async def wait_for_runtime(runtime: Runtime, clock: Clock) -> None:
    """Return when the container runtime answers."""
    backoff = Backoff(0.05, cap=1.0, clock=clock)
    while True:
        try:
            version = await runtime.version()
        except RuntimeCallFailed as error:
            pause = backoff.next()
            if pause >= 1.0:
                log.warning("waiting for the container runtime: %s", error)
            await clock.sleep(pause)
        else:
            log.info("container runtime %s %s", version.runtime_name, version.runtime_version)
            return


def node_facts(config: KubeletConfig, machine: Machine) -> NodeFacts:
    """What pods learn of the node before it is registered."""
    try:
        with open(config.resolv_conf, encoding="utf-8", errors="replace") as file:
            resolver = parse_resolv_conf(file.read())
    except FileNotFoundError:
        resolver = Resolver()
    return NodeFacts(
        name=config.node_name,
        ips=config.node_ips or (default_address(),),
        memory=machine.memory,
        resolver=resolver,
        oom_floor=lowest_oom_score(),
    )


class Kubelet:
    """The parts of one kubelet and how they know each other."""

    def __init__(
        self,
        config: KubeletConfig,
        client: Client,
        informers: Informers,
        recorder: Recorder,
        clock: Clock,
        runtime: Runtime,
    ) -> None:
        self.config = config
        self._client = client
        self._clock = clock
        self._recorder = recorder
        self._runtime = runtime
        self._machine = read_machine()
        self.facts = node_facts(config, self._machine)
        self._services = informers.informer(SERVICES)
        self._pods = informers.informer(PODS, field_selector=f"spec.nodeName={config.node_name}")
        self._cgroups = Cgroups(config.cgroup_root)
        self._status = StatusWriter(client, clock)
        self._outside = ApiOutside(client, clock, self._volume_changed)
        self._volumes = PodVolumes(config.root_dir, self._outside)
        handlers = Handlers(runtime)
        self._prober = Prober(handlers, recorder, clock, self._wake)
        self._cache = RuntimeCache(runtime)
        self.sources = Sources(self._pods, client, self._status, clock, config.node_name, config.static_pods)
        self.kit = Kit(
            root=config.root_dir,
            logs=config.pod_logs,
            cluster_dns=config.cluster_dns,
            cluster_domain=config.cluster_domain,
            node=self.facts,
            client=client,
            runtime=runtime,
            cache=self._cache,
            images=Images(runtime, self._outside, recorder, clock),
            volumes=self._volumes,
            outside=self._outside,
            handlers=handlers,
            prober=self._prober,
            cgroups=self._cgroups,
            status=self._status,
            recorder=recorder,
            clock=clock,
            services=self._services.list,
            active_pods=self._active_pods,
            mirror_of=self.sources.mirror_of,
        )
        self.workers = Workers(self.kit)
        metrics.observe_runtime(self._cache)
        self.access = KubeletAccess(self.kit, self.workers)

    def _active_pods(self) -> list[Object]:
        return self.workers.active()

    def _wake(self, uid: str) -> None:
        self.workers.wake(uid)

    def _volume_changed(self, uid: str) -> None:
        self._volumes.mark_stale(uid)
        self.workers.wake(uid)

    async def run(self) -> None:
        """Serve, register, and work on pods until cancelled."""
        if not self.config.cert_file:
            await self._work(self.config.port)
            return
        from steersman.kubelet.server import KubeletServer, ServerConfig

        config = ServerConfig(
            node_name=self.config.node_name,
            cert_file=self.config.cert_file,
            key_file=self.config.key_file,
            client_ca_file=self.config.client_ca_file,
            address=self.config.address,
            port=self.config.port,
            runtime_socket=self.config.cri_socket,
        )
        async with KubeletServer(config, self.access, self._client, self._clock) as server:
            await self._work(server.port)

    async def _work(self, port: int) -> None:
        config, clock = self.config, self._clock
        node = NodeAgent(
            config,
            self._machine,
            self.facts,
            self._client,
            self._runtime,
            self._recorder,
            clock,
            port,
        )
        self._cgroups.ensure_tree(self._machine.cores, self._machine.memory)
        watch = RuntimeWatch(self._runtime, self._cache, clock, self._wake)
        upkeep = Upkeep(config, self.kit, self.workers, self.sources, node)
        restart = Backoff(1.0, cap=30.0, clock=clock)
        async with TaskGroup() as group:
            group.forever(self._outside.run, "kubelet objects", restart=restart, clock=clock)
            group.forever(self._prober.run, "kubelet prober", restart=restart, clock=clock)
            group.forever(self._status.run, "kubelet status", restart=restart, clock=clock)
            group.forever(node.run, "kubelet node", restart=restart, clock=clock)
            group.forever(watch.run, "kubelet runtime watch", restart=restart, clock=clock)
            group.spawn(
                lease.renew_forever(
                    self._client, clock, config.node_name, config.lease_seconds, lambda: node.node
                ),
                "kubelet lease",
            )
            await self._cache_ready(node)
            group.spawn(self.workers.run(), "kubelet workers")
            self.sources.start(self.workers)
            group.forever(self.sources.run, "kubelet sources", restart=restart, clock=clock)
            group.forever(upkeep.run, "kubelet upkeep", restart=restart, clock=clock)

    async def _cache_ready(self, node: NodeAgent) -> None:
        """Before the first pod is touched: what runs is known, and so are the node and the services."""
        backoff = Backoff(0.1, cap=2.0, clock=self._clock)
        while True:
            try:
                await self._cache.relist()
                await node.look()
                break
            except RuntimeCallFailed as error:
                log.warning("looking at the container runtime: %s", error)
                await self._clock.sleep(backoff.next())
        await self._services.wait_synced()
