"""Registers the node and keeps its status true."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from steersman.api import quantity
from steersman.api.errors import AlreadyExists, ApiError, NotFound
from steersman.api.kinds import NODES
from steersman.client.rest import MERGE_PATCH, STRATEGIC_PATCH
from steersman.client.transport import ConnectionFailed
from steersman.kubelet.cri.client import RuntimeCallFailed
from steersman.kubelet.node import machine as machines
from steersman.kubelet.node.status import Observed, disk_floor, node_status, stamped, transitions
from steersman.kubelet.status.writer import same

if TYPE_CHECKING:
    from typing import Any

    from steersman.api.types import Object
    from steersman.client.events import Recorder
    from steersman.client.rest import Client
    from steersman.kubelet.config import KubeletConfig
    from steersman.kubelet.cri.client import Runtime
    from steersman.kubelet.pods.kit import NodeFacts
    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.kubelet.node")

SETTLING_SECONDS = 0.2  # between looks at a node that is not ready yet
SETTLING_LOOKS = 300  # after a minute of those, look as rarely as at any node


class NodeAgent:
    """The Node object of this machine."""

    def __init__(
        self,
        config: KubeletConfig,
        machine: machines.Machine,
        facts: NodeFacts,
        client: Client,
        runtime: Runtime,
        recorder: Recorder,
        clock: Clock,
        port: int,
    ) -> None:
        self._config = config
        self._machine = machine
        self._facts = facts
        self._client = client
        self._runtime = runtime
        self._recorder = recorder
        self._clock = clock
        self._port = port
        self._sent: Object = {}
        self._reported = 0.0
        self._looks = 0
        self.node: Object | None = None
        """the Node as registered"""
        self.seen = Observed()

    @property
    def reference(self) -> Object:
        """What events about the node refer to."""
        name = self._config.node_name
        return {"kind": "Node", "apiVersion": "v1", "name": name, "uid": name}

    async def run(self) -> None:
        """Register, then look and report; until cancelled."""
        self._recorder.event(self.reference, "Normal", "Starting", "Starting kubelet.")
        while True:
            self._looks += 1
            try:
                await self._look_or_say_why()
                if self.node is None:
                    self.node = await self._register()
                await self._report()
            except (ApiError, ConnectionFailed) as error:
                log.warning("cannot report the node: %s", error)
            settling = bool(self.seen.not_ready or self.node is None) and self._looks < SETTLING_LOOKS
            await self._clock.sleep(SETTLING_SECONDS if settling else self._config.status_seconds)

    async def _look_or_say_why(self) -> None:
        try:
            await self.look()
        except RuntimeCallFailed as error:
            log.warning("cannot look at the container runtime: %s", error)
            self._looks = 0  # it may be back at any moment
            self.seen = replace(self.seen, not_ready=f"container runtime is down: {error.detail}")

    async def look(self) -> None:
        """Observe the machine and the runtime; fills in what pods learn of the node."""
        self.seen = await observe(self._config, self._runtime)
        status = self._status()
        self._facts.allocatable = status["allocatable"]
        self._facts.runtime_name = self.seen.runtime_version.partition("://")[0]

    def _status(self) -> Object:
        return node_status(self._config, self._machine, self.seen, self._facts.ips, self._port)

    async def _register(self) -> Object:
        """Create the Node, or take over the one of that name."""
        wanted = new_node(self._config, self._machine, self._status(), self._clock.time())
        try:
            created = await self._client.create(NODES, wanted)
        except AlreadyExists:
            return await self._take_over(wanted)
        self._remember(created)
        self._announce(transitions(wanted["status"]["conditions"], {}))
        self._reported = self._clock.time()
        return created

    async def _take_over(self, wanted: Object) -> Object:
        name = self._config.node_name
        present = await self._client.get(NODES, name)
        labels = present["metadata"].get("labels") or {}
        missing = {key: text for key, text in wanted["metadata"]["labels"].items() if labels.get(key) != text}
        if missing:
            present = await self._client.patch(
                NODES, name, {"metadata": {"labels": missing}}, content_type=MERGE_PATCH
            )
        self._remember(present)
        return present

    def _remember(self, node: Object) -> None:
        self._sent = node.get("status") or {}

    async def _report(self) -> None:
        """Patch what has changed; everything once in a while."""
        now = self._clock.time()
        known: dict[str, Any] = {c["type"]: c for c in self._sent.get("conditions") or ()}
        status = self._status()
        news = transitions(status["conditions"], known)
        due = now - self._reported >= self._config.report_seconds
        changes = {
            field: value
            for field, value in status.items()
            if field != "conditions" and not same(self._sent.get(field), value)
        }
        if not (changes or news or due or _reworded(status["conditions"], known)):
            return
        changes["conditions"] = stamped(status["conditions"], known, now)
        if "addresses" in changes:
            changes["addresses"] = [*changes["addresses"], {"$patch": "replace"}]
        try:
            answer = await self._client.patch(
                NODES,
                self._config.node_name,
                {"status": changes},
                content_type=STRATEGIC_PATCH,
                subresource="status",
            )
        except NotFound:
            self.node = None  # somebody deleted it: register anew
            return
        self._remember(answer)
        self._reported = now
        self._announce(news)

    def _announce(self, reasons: list[str]) -> None:
        for reason in reasons:
            message = f"Node {self._config.node_name} status is now: {reason}"
            self._recorder.event(self.reference, "Normal", reason, message)


def _reworded(fresh: list[Object], known: dict[str, Any]) -> bool:
    return any(
        condition[key] != (known.get(condition["type"]) or {}).get(key)
        for condition in fresh
        for key in ("reason", "message")
    )


def new_node(config: KubeletConfig, machine: machines.Machine, status: Object, now: float) -> Object:
    """The Node to create."""
    labels = {
        "beta.kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": machine.architecture,
        "kubernetes.io/hostname": config.hostname or config.node_name,
        "kubernetes.io/os": "linux",
        **config.labels,
    }
    spec: Object = {}
    if config.taints:
        spec["taints"] = list(config.taints)
    if config.provider_id:
        spec["providerID"] = config.provider_id
    annotations = {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": config.node_name, "labels": labels, "annotations": annotations},
        "spec": spec,
        "status": {**status, "conditions": stamped(status["conditions"], {}, now)},
    }


async def observe(config: KubeletConfig, runtime: Runtime) -> Observed:
    """Look at the machine and the runtime. Raises: RuntimeCallFailed when the runtime does not answer."""
    version = await runtime.version()
    state = (await runtime.status()).status
    problems = [
        f"container runtime {'network ' if condition.type == 'NetworkReady' else ''}not ready: "
        f"{condition.type}=false reason:{condition.reason} message:{condition.message}"
        for condition in state.conditions
        if not condition.status
    ]
    images = await runtime.list_images()
    total, free, inodes, inodes_free = machines.disk(config.root_dir)
    available = machines.memory_info()["MemAvailable"]
    full = free < disk_floor(config, total) or (inodes and inodes_free * 100 < inodes * 5)
    return Observed(
        runtime_version=f"{version.runtime_name}://{version.runtime_version.removeprefix('v').partition('~')[0]}",
        not_ready=", ".join(problems),
        memory_pressure=available < quantity.value(config.eviction_memory),
        disk_pressure=bool(full),
        disk_bytes=total,
        images=tuple(((*image.repo_digests, *image.repo_tags), int(image.size)) for image in images),
    )
