"""A cluster on etcd: whoever is killed, what was acknowledged is found again."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.e2e.conftest import IMAGE, Kubectl, eventually, missing, running_cluster, steersman
from tests.e2e.test_faults import containers, kill, wait_back

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import RunningCluster


@pytest.fixture(scope="module")
def on_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    """A cluster of one node on etcd, with a Deployment of two replicas."""
    if reason := missing():
        pytest.skip(reason)
    if shutil.which("etcd") is None:
        pytest.skip("not installed: etcd-server")
    with running_cluster(f"e2e-etcd-{os.getpid()}", tmp_path_factory, "--store", "etcd") as running:
        kubectl = Kubectl(running.kubeconfig)
        kubectl("create", "deployment", "web", f"--image={IMAGE}", "--replicas=2")
        kubectl("rollout", "status", "deployment/web", "--timeout=60s")
        yield running


@pytest.fixture
def web(on_etcd: RunningCluster) -> Kubectl:
    """kubectl, with the Deployment as it was at first."""
    kubectl = Kubectl(on_etcd.kubeconfig)
    kubectl("scale", "deployment/web", "--replicas=2")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    eventually(lambda: len(kubectl.json("get", "pods")["items"]) == 2, 40, "only two pods are left")
    return kubectl


@pytest.mark.parametrize("victim", ["etcd", "apiserver"])
def test_nothing_acknowledged_is_lost_when_part_of_the_store_is_killed(
    web: Kubectl, on_etcd: RunningCluster, victim: str
) -> None:
    before = containers(web)
    names = [f"kept-{victim}-{i}" for i in range(10)]
    for name in names:
        web("create", "configmap", name)
    wait_back(on_etcd, victim, kill(on_etcd, victim))
    eventually(lambda: web.run("create", "configmap", f"after-{victim}").returncode == 0, 20, "it writes")
    found = web("get", "configmaps", "-o", "name").split()
    assert [name for name in names if f"configmap/{name}" not in found] == []
    assert containers(web) == before
    web("scale", "deployment/web", "--replicas=3")
    web("rollout", "status", "deployment/web", "--timeout=60s")


def test_a_second_up_changes_nothing_and_the_store_cannot_be_another(
    web: Kubectl, on_etcd: RunningCluster
) -> None:
    done = steersman("up", "--name", on_etcd.name, "-o", "json")
    assert '"changed": false' in done.stdout
    refused = steersman("up", "--name", on_etcd.name, "--store", "sqlite", check=False)
    assert refused.returncode == 1
    assert "is etcd and cannot become sqlite" in refused.stderr


@pytest.mark.skipif(shutil.which("etcdctl") is None, reason="not installed: etcd-client")
def test_a_snapshot_brings_the_objects_of_its_moment_back(web: Kubectl, on_etcd: RunningCluster) -> None:
    before = containers(web)
    steersman("snapshot", "save", "--name", on_etcd.name)
    web("create", "configmap", "too-late")
    saved = next((on_etcd.data_dir / "snapshots").iterdir())
    steersman("snapshot", "restore", str(saved), "--name", on_etcd.name)
    eventually(lambda: web.run("get", "--raw", "/readyz").stdout == "ok", 20, "the API server is back")
    assert "NotFound" in web.fails("get", "configmap", "too-late")
    web("rollout", "status", "deployment/web", "--timeout=60s")
    assert containers(web) == before


def test_data_that_are_kept_are_found_by_the_next_up(web: Kubectl, on_etcd: RunningCluster) -> None:
    web("create", "configmap", "kept-for-later")
    steersman("down", "--name", on_etcd.name, "--keep-data")
    steersman("up", "--name", on_etcd.name, "-o", "json")
    web("get", "configmap", "kept-for-later")
    web("rollout", "status", "deployment/web", "--timeout=90s")
