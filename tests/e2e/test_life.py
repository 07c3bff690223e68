"""A cluster's life: beside others, up and down, and nothing left of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.e2e.conftest import IMAGE, Kubectl, eventually, steersman

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import RunningCluster

NAME = f"life-{os.getpid()}"


def said(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def traces() -> dict[str, set[str]]:
    """What a cluster leaves on a machine while it runs."""
    links = re.findall(r"^\d+: ([^:@]+)", said("ip", "link"), re.M)
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    cgroups = said("find", "/sys/fs/cgroup", "-path", "*steersman*", "-type", "d")
    return {
        "links": {name for name in links if name.startswith("sm")},
        "routes": {route for route in said("ip", "route").splitlines() if f"sm-{NAME}" in route},
        "rules": {
            table for table in re.findall(r"^table .*", said("nft", "list", "ruleset"), re.M) if NAME in table
        },
        "mounts": {mount for mount in mounts if NAME in mount},
        "cgroups": {line for line in cgroups.splitlines() if NAME in line},
        "processes": {
            line.strip()
            for line in said("ps", "-eo", "args").splitlines()
            if NAME in line and "pytest" not in line
        },
        "register": {str(path) for path in Path("/var/lib/steersman").rglob(f"*{NAME}*")},
        "sockets": {str(path) for path in Path("/run/steersman").rglob(f"*{NAME}*")},
    }


@pytest.fixture
def data_dir(cluster: RunningCluster, tmp_path: Path) -> Iterator[Path]:
    """Where the second cluster keeps its data; it is down afterwards, whatever happened."""
    yield tmp_path / NAME
    steersman("down", "--name", NAME)


def reach_every_pod(kubectl: Kubectl) -> None:
    """Pods on both nodes answer each other and the host, each under its own address."""
    kubectl("create", "deployment", "web", f"--image={IMAGE}", "--replicas=4")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    pods = kubectl.json("get", "pods", "-l", "app=web")["items"]
    where = {pod["status"]["podIP"]: pod["spec"]["nodeName"] for pod in pods}
    assert set(where.values()) == {"node-1", "node-2"}
    for pod in (next(p for p in pods if p["spec"]["nodeName"] == node) for node in ("node-1", "node-2")):
        for address in where:
            command = ("exec", pod["metadata"]["name"], "--", "wget", "-qO-", "-T", "5", f"http://{address}/")

            def answers(command: tuple[str, ...] = command) -> bool:
                return "It works" in kubectl.run(*command).stdout

            eventually(answers, 20, address)
    for address in where:
        with urllib.request.urlopen(f"http://{address}/", timeout=10) as answer:
            assert "It works" in answer.read().decode()


@pytest.mark.timeout(300)
def test_a_second_cluster_comes_goes_returns_and_leaves_nothing(
    cluster: RunningCluster, data_dir: Path
) -> None:
    before = traces()
    up = ("up", "--name", NAME, "--data-dir", str(data_dir), "-o", "json")
    summary = json.loads(steersman(*up, "--nodes", "2").stdout)
    assert [n["name"] for n in summary["nodes"]] == ["node-1", "node-2"]
    kubectl = Kubectl(summary["kubeconfig"])
    kubectl("create", "configmap", "remembered")
    first = Kubectl(cluster.kubeconfig)
    assert "NotFound" in first.fails("get", "configmap", "remembered")

    reach_every_pod(kubectl)

    steersman("node", "stop", "node-2", "--name", NAME)
    steersman("node", "start", "node-2", "--name", NAME)
    assert steersman("node", "add", "--name", NAME).stdout.strip() == "node-3"
    steersman("node", "rm", "node-3", "--name", NAME)
    eventually(lambda: "node-3" not in kubectl("get", "nodes"))

    steersman("down", "--name", NAME, "--keep-data")
    assert not traces()["processes"]
    steersman(*up)
    assert "remembered" in kubectl("get", "configmaps")

    steersman("down", "--name", NAME)
    after = traces()
    assert {key: after[key] - before[key] for key in before} == {key: set() for key in before}
    assert not data_dir.exists()
    names = [known["name"] for known in json.loads(steersman("list", "-o", "json").stdout)]
    assert cluster.name in names
    assert NAME not in names


def test_what_cannot_work_is_refused_before_anything_is_changed(
    cluster: RunningCluster, tmp_path: Path
) -> None:
    port = cluster.summary["server"].rpartition(":")[2]
    before = traces()
    refused = steersman(
        "up", "--name", NAME, "--data-dir", str(tmp_path / "d"), "--port", port, "-o", "json", check=False
    )
    assert refused.returncode == 1
    assert f"port {port} is in use" in refused.stderr
    assert traces() == before
    assert not (tmp_path / "d").exists()


def test_images_of_ones_own_are_loaded(kubectl: Kubectl, cluster: RunningCluster, tmp_path: Path) -> None:
    from steersman.bootstrap.images import DEMO_IMAGE, IMAGES, build

    image = next(image for image in IMAGES if image.reference == DEMO_IMAGE)
    archive = tmp_path / "mine.tar"
    archive.write_bytes(
        build(image.__class__("example.com/mine:2.0", image.entries, image.entrypoint, ("id",)))
    )
    steersman("load", str(archive), "--name", cluster.name)
    kubectl("run", "mine", "--image=example.com/mine:2.0", "--restart=Never")
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/mine", "--timeout=60s")
    assert kubectl("logs", "mine").startswith("uid=0")


def test_something_that_is_no_archive_is_refused(cluster: RunningCluster, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_text("not a tar")
    refused = steersman("load", str(tmp_path / "x.tar"), "--name", cluster.name, check=False)
    assert "is not a tar archive" in refused.stderr


def test_a_snapshot_brings_back_what_was_deleted(
    web: Kubectl, cluster: RunningCluster, tmp_path: Path
) -> None:
    def containers() -> set[str]:
        pods = web.json("get", "pods")["items"]
        return {pod["status"]["containerStatuses"][0]["containerID"] for pod in pods}

    web("create", "configmap", "precious")
    before = containers()
    saved = tmp_path / "saved.db"
    steersman("snapshot", "save", str(saved), "--name", cluster.name)
    web("delete", "configmap", "precious")
    web("create", "configmap", "later")
    steersman("snapshot", "restore", str(saved), "--name", cluster.name)
    eventually(lambda: web.run("get", "--raw", "/readyz").stdout == "ok", 20, "the API server is back")
    assert "precious" in web("get", "configmaps")
    assert "later" not in web("get", "configmaps")
    web("scale", "deployment", "web", "--replicas=3")
    web("rollout", "status", "deployment/web", "--timeout=60s")
    assert before <= containers()
