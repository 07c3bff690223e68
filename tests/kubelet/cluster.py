"""One kubelet over an in-process API server and a real containerd, for tests."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steersman.api.errors import AlreadyExists, NotFound
from steersman.api.kinds import EVENTS, NAMESPACES, PODS, SERVICE_ACCOUNTS
from steersman.client.events import EventRecorder
from steersman.client.informer import Informers
from steersman.kubelet.cri.client import Runtime
from steersman.kubelet.run import Kubelet, KubeletConfig
from steersman.runtime.clock import SystemClock
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.kubelet.kubelet_node import Node

    from steersman.api.types import Object
    from steersman.client.rest import Client

NODE_NAME = "node-1"
IMAGE = "localhost/steersman/busybox:test"


def config_for(node: Node, **settings: Any) -> KubeletConfig:
    return KubeletConfig(
        node_name=NODE_NAME,
        root_dir=str(node.directory / "kubelet"),
        cri_socket=node.socket,
        node_ips=("10.88.0.1",),
        cgroup_root=node.cgroup_root,
        pod_logs=str(node.directory / "logs"),
        **settings,
    )


@asynccontextmanager
async def running_kubelet(node: Node, client: Client, **settings: Any) -> AsyncIterator[Kubelet]:
    """A kubelet that works; leaving the block stops it and leaves its containers running."""
    clock = SystemClock()
    informers = Informers(client, clock)
    recorder = EventRecorder(client, "kubelet", NODE_NAME, clock)
    async with Runtime(node.socket) as runtime, TaskGroup() as group:
        kubelet = Kubelet(config_for(node, **settings), client, informers, recorder, clock, runtime)
        tasks = [
            group.spawn(informers.run(), "informers"),
            group.spawn(recorder.run(), "events"),
            group.spawn(kubelet.run(), "kubelet"),
        ]
        try:
            yield kubelet
        finally:
            for task in tasks:
                task.cancel()


@dataclass(frozen=True, slots=True)
class Cluster:
    client: Client
    node: Node
    kubelet: Kubelet

    async def create(self, name: str, **spec: Any) -> Object:
        pod = a_pod(name, **spec)
        return await self.client.create(PODS, pod, pod["metadata"]["namespace"])

    async def pod(self, name: str) -> Object | None:
        try:
            return await self.client.get(PODS, name, "default")
        except NotFound:
            return None

    async def wait(self, name: str, until: Callable[[Object], Any], seconds: float = 20) -> Object:
        """The pod as soon as `until(pod)` holds."""
        last: Object | None = None
        try:
            async with asyncio.timeout(seconds):
                while True:
                    last = await self.pod(name)
                    if last is not None and until(last):
                        return last
                    await asyncio.sleep(0.02)
        except TimeoutError:
            events = await self.events(name)
            raise AssertionError(f"{name} is {(last or {}).get('status')}, events {events}") from None

    async def wait_gone(self, name: str, seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while True:
                if await self.pod(name) is None:
                    return
                await asyncio.sleep(0.02)

    async def events(self, name: str) -> list[tuple[str, str]]:
        """(reason, message) of the pod's events."""
        listed = await self.client.list(EVENTS, "default", field_selector=f"involvedObject.name={name}")
        return [(event["reason"], event["message"]) for event in listed["items"]]

    async def wait_event(self, name: str, reason: str, seconds: float = 10) -> str:
        async with asyncio.timeout(seconds):
            while True:
                for found, message in await self.events(name):
                    if found == reason:
                        return message
                await asyncio.sleep(0.05)

    async def delete(self, name: str, grace: int | None = None) -> None:
        await self.client.delete(PODS, name, "default", grace_period_seconds=grace)

    async def run(self, name: str, *command: str, container: str = "c") -> str:
        """Output of a command in a running container."""
        pod = await self.pod(name)
        assert pod is not None
        identity = self.kubelet.access.container_id(pod["metadata"]["uid"], container)
        assert identity is not None
        code, output = await self.kubelet.kit.runtime.exec_sync(identity, command, 10)
        assert code == 0, output
        return output.decode()


def a_pod(name: str, **spec: Any) -> Object:
    metadata = {"name": name, "namespace": "default", **spec.pop("metadata", {})}
    command = spec.pop("command", "trap exit TERM; while true; do sleep 0.1; done")
    container = {"name": "c", "image": IMAGE, "command": ["sh", "-c", command], **spec.pop("container", {})}
    body = {"nodeName": NODE_NAME, "containers": [container], "automountServiceAccountToken": False, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": body}


def ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def phase(wanted: str) -> Callable[[Object], bool]:
    return lambda pod: (pod.get("status") or {}).get("phase") == wanted


def waits_for(reason: str) -> Callable[[Object], bool]:
    """The container `c` waits for this reason."""
    return lambda pod: (state_of(pod).get("state", {}).get("waiting") or {}).get("reason") == reason


def state_of(pod: Object, name: str = "c") -> Object:
    """The container's status."""
    for group in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for entry in (pod.get("status") or {}).get(group) or ():
            if entry["name"] == name:
                return dict(entry)
    return {}


async def ensure_account(client: Client) -> None:
    """What controllers would have made: the namespaces and their default service account."""
    for name in ("default", "kube-node-lease"):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        for resource, obj, where in ((NAMESPACES, namespace, None), (SERVICE_ACCOUNTS, account, name)):
            try:
                await client.create(resource, obj, where)
            except AlreadyExists:
                continue
