"""`check_cri`: what the kubelet relies on of a container runtime, run against a real containerd."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from tests.kubelet.kubelet_node import BUSYBOX_IMAGE, ONE_LOOP

from steersman.kubelet.cri.cache import RuntimeCache
from steersman.kubelet.cri.client import Runtime, RuntimeCallFailed
from steersman.kubelet.pods import dns
from steersman.kubelet.pods.container import Preparation, container_config
from steersman.kubelet.pods.sandbox import sandbox_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.kubelet.kubelet_node import Node

pytestmark = [ONE_LOOP, pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(60)]


@pytest_asyncio.fixture(loop_scope="session")
async def runtime(node: Node) -> AsyncIterator[Runtime]:
    async with Runtime(node.socket) as connected:
        yield connected


def a_pod(name: str, command: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"},
        "spec": {"containers": [{"name": "c", "image": BUSYBOX_IMAGE, "command": ["sh", "-c", command]}]},
    }


async def start(runtime: Runtime, node: Node, pod: dict[str, Any]) -> tuple[str, str]:
    config = sandbox_config(
        pod,
        attempt=0,
        resolver=dns.Resolver(("10.96.0.10",), ("svc.cluster.local",), ("ndots:5",)),
        domain="cluster.local",
        logs=str(node.directory / "logs"),
        cgroup_parent="",
        root=str(node.directory),
    )
    sandbox = await runtime.run_sandbox(config)
    container = pod["spec"]["containers"][0]
    image = await runtime.image_status(container["image"])
    ready = Preparation(container["image"], image, {"GREETING": "hello"}, (), 0, "", 1 << 30, 0)
    created = await runtime.create_container(sandbox, container_config(pod, container, ready), config)
    await runtime.start_container(created)
    return sandbox, created


async def wait_state(cache: RuntimeCache, uid: str, state: str) -> Any:
    async with asyncio.timeout(10):
        while True:
            await cache.relist()
            found = cache.get(uid).latest("c")
            if found is not None and found.state == state:
                return found
            await asyncio.sleep(0.02)


async def test_names_itself_and_its_version(runtime: Runtime) -> None:
    version = await runtime.version()
    assert version.runtime_name == "containerd"
    assert version.runtime_api_version == "v1"


async def test_says_that_an_unknown_image_is_not_there(runtime: Runtime) -> None:
    assert await runtime.image_status("localhost/none:1") is None


async def test_reports_how_a_container_ended(runtime: Runtime, node: Node) -> None:
    pod = a_pod("ends", "echo $GREETING; exit 7")
    cache = RuntimeCache(runtime)
    sandbox, _ = await start(runtime, node, pod)
    ended = await wait_state(cache, "uid-ends", "exited")
    assert (ended.exit_code, ended.reason) == (7, "Error")
    assert min(ended.finished, ended.started) >= ended.created > 0
    log = node.directory / "logs" / "default_ends_uid-ends" / "c" / "0.log"
    assert log.read_text().endswith("stdout F hello\n")
    await runtime.stop_sandbox(sandbox)
    await runtime.remove_sandbox(sandbox)
    await runtime.remove_sandbox(sandbox)
    assert "uid-ends" in await cache.relist()
    assert cache.get("uid-ends").empty


async def test_runs_commands_and_stops_within_the_grace_period(runtime: Runtime, node: Node) -> None:
    pod = a_pod("stays", "trap 'exit 3' TERM; while true; do sleep 0.1; done")
    cache = RuntimeCache(runtime)
    sandbox, container = await start(runtime, node, pod)
    assert cache.get("uid-stays").empty
    await cache.relist()
    seen = cache.get("uid-stays").sandbox
    assert seen is not None
    assert seen.ips
    code, output = await runtime.exec_sync(container, ["sh", "-c", "cat /etc/resolv.conf; exit 4"], 5)
    assert code == 4
    assert b"nameserver 10.96.0.10" in output
    with pytest.raises(RuntimeCallFailed) as refused:
        await runtime.exec_sync(container, ["sleep", "10"], 1)
    assert refused.value.code == "DeadlineExceeded"
    await runtime.stop_container(container, 10)
    assert (await wait_state(cache, "uid-stays", "exited")).exit_code == 3
    assert await cache.relist() == set()
    await runtime.stop_sandbox(sandbox)
    await runtime.remove_sandbox(sandbox)
