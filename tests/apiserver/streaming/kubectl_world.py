"""An API server over TLS, a kubelet server over a real containerd, and kubectl: the whole way of a streaming
request.

The pods are started over CRI by hand; nothing but the API server, the kubelet's HTTPS server and the runtime
runs.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.kubelet.kubelet_node import BUSYBOX_IMAGE

from steersman.api import kinds
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.bootstrap import kubeconfigs, pki
from steersman.client.rest import Client
from steersman.kubelet.cri.client import Runtime
from steersman.kubelet.pods import dns
from steersman.kubelet.pods.container import Preparation, container_config
from steersman.kubelet.pods.sandbox import sandbox_config
from steersman.kubelet.server import KubeletServer, ServerConfig, StreamOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.kubelet.kubelet_node import Node

NODE = "n1"


@dataclass
class Running:
    """One started pod, as the kubelet would know it."""

    pod: dict[str, Any]
    sandbox: str
    container: str


@dataclass
class Pods:
    """A `PodAccess` over pods that were started by hand."""

    runtime: Runtime
    logs: Path
    running: dict[str, Running] = field(default_factory=dict)

    def list_pods(self) -> list[dict[str, Any]]:
        return [item.pod for item in self.running.values()]

    def find_pod(self, namespace: str, name: str, uid: str = "") -> dict[str, Any] | None:
        for item in self.running.values():
            metadata = item.pod["metadata"]
            if (metadata["namespace"], metadata["name"]) == (namespace, name) and uid in (
                "",
                metadata["uid"],
            ):
                return item.pod
        return None

    def container_id(self, pod_uid: str, container: str) -> str | None:
        return self.running[pod_uid].container if container == "c" else None

    def sandbox_id(self, pod_uid: str) -> str | None:
        return self.running[pod_uid].sandbox

    def log_path(self, pod_uid: str, container: str, *, previous: bool = False) -> str | None:
        metadata = self.running[pod_uid].pod["metadata"]
        folder = f"{metadata['namespace']}_{metadata['name']}_{pod_uid}"
        return str(self.logs / folder / container / "0.log")

    async def container_running(self, container_id: str) -> bool:
        status = await self.runtime.container_status(container_id)
        return bool(status.status.state == 1)

    async def exec_url(self, container_id: str, command: list[str], streams: StreamOptions) -> str:
        return await self.runtime.exec_url(container_id, command, **_streams(streams))

    async def attach_url(self, container_id: str, streams: StreamOptions) -> str:
        return await self.runtime.attach_url(container_id, **_streams(streams))

    async def port_forward_url(self, sandbox_id: str, ports: list[int]) -> str:
        return await self.runtime.port_forward_url(sandbox_id, ports)

    async def stats_summary(self) -> dict[str, Any]:
        return {"node": {"nodeName": NODE, "cpu": {"usageCoreNanoSeconds": 5}}, "pods": []}


def _streams(options: StreamOptions) -> dict[str, bool]:
    return {
        "tty": options.tty,
        "stdin": options.stdin,
        "stdout": options.stdout,
        "stderr": options.stderr,
    }


@dataclass
class World:
    client: Client
    pods: Pods
    node: Node
    kubeconfig: Path
    server: APIServer

    async def start_pod(self, name: str, command: str, **container: Any) -> None:
        """Make the pod in the API and run it."""
        spec = {
            "nodeName": NODE,
            "automountServiceAccountToken": False,
            "containers": [
                {"name": "c", "image": BUSYBOX_IMAGE, "command": ["sh", "-c", command], **container}
            ],
        }
        manifest = {"metadata": {"name": name}, "spec": spec}
        pod = await self.client.create(kinds.PODS, manifest, "default")
        config = sandbox_config(
            pod,
            attempt=0,
            resolver=dns.Resolver(("10.96.0.10",), (), ()),
            domain="cluster.local",
            logs=str(self.node.directory / "logs"),
            cgroup_parent="",
            root=str(self.node.directory),
        )
        runtime = self.pods.runtime
        sandbox = await runtime.run_sandbox(config)
        image = await runtime.image_status(BUSYBOX_IMAGE)
        ready = Preparation(BUSYBOX_IMAGE, image, {}, (), 0, "", 1 << 30, 0)
        wanted = container_config(pod, pod["spec"]["containers"][0], ready)
        created = await runtime.create_container(sandbox, wanted, config)
        await runtime.start_container(created)
        address = (await runtime.sandbox_status(sandbox)).status.network.ip
        pod["status"] = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "hostIP": "127.0.0.1",
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "Initialized", "status": "True"}],
            "containerStatuses": [
                {
                    "name": "c",
                    "ready": True,
                    "started": True,
                    "restartCount": 0,
                    "image": BUSYBOX_IMAGE,
                    "imageID": "",
                    "containerID": f"containerd://{created}",
                    "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
                }
            ],
        }
        pod = await self.client.update(kinds.PODS, pod, subresource="status")
        self.pods.running[pod["metadata"]["uid"]] = Running(pod, sandbox, created)

    def environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), **more}

    async def kubectl(
        self,
        *arguments: str,
        stdin: bytes = b"",
        timeout: float = 30,
        environment: dict[str, str] | None = None,
    ) -> tuple[int, bytes, str]:
        """(exit code, stdout, stderr)."""
        process = await asyncio.create_subprocess_exec(
            "kubectl",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment(**(environment or {})),
        )
        try:
            async with asyncio.timeout(timeout):
                out, err = await process.communicate(stdin)
        except TimeoutError:
            process.kill()
            out, err = await process.communicate()
            raise AssertionError(f"kubectl {arguments} hangs; so far {out[-500:]!r} {err[-500:]!r}") from None
        return process.returncode or 0, out, err.decode()


@asynccontextmanager
async def world(node: Node) -> AsyncIterator[World]:
    data = node.directory / "cluster"
    data.mkdir(exist_ok=True)
    keys = pki.ensure_pki(data)
    files = data / "pki"
    config = APIServerConfig(
        port=0,
        store="memory",
        tls_cert=str(files / "apiserver.crt"),
        tls_key=str(files / "apiserver.key"),
        client_ca=str(files / "ca.crt"),
        service_account_key=str(files / "sa.key"),
        kubelet_cert=str(files / "apiserver-kubelet-client.crt"),
        kubelet_key=str(files / "apiserver-kubelet-client.key"),
        kubelet_ca=str(files / "ca.crt"),
    )
    async with APIServer(config) as server, Runtime(node.socket) as runtime:
        kubeconfigs.ensure_control_plane(data, keys, server.url)
        kubeconfigs.ensure_node(data, keys, NODE, "127.0.0.1", server.url)
        node_files = data / "nodes" / NODE
        pods = Pods(runtime, node.directory / "logs")
        settings = ServerConfig(
            node_name=NODE,
            cert_file=str(node_files / "pki" / "kubelet.crt"),
            key_file=str(node_files / "pki" / "kubelet.key"),
            client_ca_file=str(files / "ca.crt"),
            address="127.0.0.1",
            port=0,
            runtime_socket=node.socket,
        )
        async with (
            Client.from_kubeconfig(str(node_files / "kubelet.kubeconfig")) as node_client,
            Client(server.transport()) as client,
            KubeletServer(settings, pods, node_client) as kubelet,
        ):
            await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")
            made = await client.create(kinds.NODES, {"metadata": {"name": NODE}})
            made["status"] = {
                "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet.port}},
            }
            await client.update(kinds.NODES, made, subresource="status")
            yield World(client, pods, node, data / "admin.kubeconfig", server)
