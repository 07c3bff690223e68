"""Components are killed; containers and objects are not."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tests.e2e.conftest import eventually, steersman

if TYPE_CHECKING:
    from tests.e2e.conftest import Kubectl, RunningCluster


def containers(kubectl: Kubectl) -> dict[str, str]:
    """Container id by pod."""
    pods = kubectl.json("get", "pods")["items"]
    return {p["metadata"]["name"]: p["status"]["containerStatuses"][0]["containerID"] for p in pods}


def kill(cluster: RunningCluster, name: str) -> int:
    pid = int(cluster.process(name)["pid"])
    os.kill(pid, signal.SIGKILL)
    return pid


def wait_back(cluster: RunningCluster, name: str, pid: int) -> None:
    eventually(lambda: cluster.process(name)["pid"] not in (0, pid), 15, f"{name} is back")


def test_nothing_acknowledged_is_lost_when_the_api_server_is_killed(
    web: Kubectl, cluster: RunningCluster
) -> None:
    before = containers(web)
    names = [f"kept-{i}" for i in range(20)]
    for name in names:
        web("create", "configmap", name)
    pid = kill(cluster, "apiserver")
    eventually(lambda: web.run("get", "--raw", "/readyz").stdout == "ok", 20, "the API server is back")
    found = web("get", "configmaps", "-o", "name")
    assert [name for name in names if name not in found] == []
    assert containers(web) == before
    assert cluster.process("apiserver")["pid"] != pid
    web("scale", "deployment", "web", "--replicas=3")
    web("rollout", "status", "deployment/web", "--timeout=60s")


def test_containers_outlive_their_agent(web: Kubectl, cluster: RunningCluster) -> None:
    before = containers(web)
    wait_back(cluster, "node-1/agent", kill(cluster, "node-1/agent"))
    web("scale", "deployment", "web", "--replicas=3")
    web("rollout", "status", "deployment/web", "--timeout=60s")
    after = containers(web)
    assert {name: after.get(name) for name in before} == before


def test_containers_outlive_containerd(web: Kubectl, cluster: RunningCluster) -> None:
    before = containers(web)
    wait_back(cluster, "node-1/containerd", kill(cluster, "node-1/containerd"))
    web("scale", "deployment", "web", "--replicas=3")
    web("rollout", "status", "deployment/web", "--timeout=90s")
    after = containers(web)
    assert {name: after.get(name) for name in before} == before


def test_the_controllers_carry_on_where_they_were(web: Kubectl, cluster: RunningCluster) -> None:
    pid = kill(cluster, "controllers")
    web("scale", "deployment", "web", "--replicas=4")
    wait_back(cluster, "controllers", pid)
    web("rollout", "status", "deployment/web", "--timeout=60s")


def test_everything_outlives_the_supervisor(web: Kubectl, cluster: RunningCluster) -> None:
    before = containers(web)
    api = cluster.process("apiserver")["pid"]
    kill(cluster, "supervisor")
    done = steersman("up", "--name", cluster.name, "-o", "json")
    assert '"changed": true' in done.stdout
    assert cluster.process("apiserver")["pid"] == api
    assert containers(web) == before


def test_a_second_up_changes_nothing(web: Kubectl, cluster: RunningCluster) -> None:
    before = containers(web)
    done = steersman("up", "--name", cluster.name, "--demo", "-o", "json")
    assert '"changed": false' in done.stdout
    assert containers(web) == before
