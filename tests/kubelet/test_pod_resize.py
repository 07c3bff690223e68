"""In-place resize of running containers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.kubelet.cluster import Cluster, ready, state_of
from tests.kubelet.kubelet_node import ONE_LOOP

from steersman.api.kinds import PODS
from steersman.kubelet.cri.observed import Container, PodRuntime
from steersman.kubelet.pods.resize import compute_resources, infeasible, plan_resizes

if TYPE_CHECKING:
    from steersman.api.types import Object

CPU = Path("/sys/fs/cgroup/cpu")


def sized(cpu: str, **fields: Any) -> dict[str, Any]:
    amounts = {"cpu": cpu, "memory": "32Mi"}
    return {"resources": {"limits": amounts, "requests": amounts}, **fields}


def test_equal_amounts_in_other_words_are_no_change() -> None:
    runtime = PodRuntime("u", containers=(Container("c-0", "c", 0, "s", "running", 1.0),))
    pod: Object = {"metadata": {}, "spec": {"containers": [{"name": "c", **sized("1000m")}]}}
    assert plan_resizes(pod, runtime, {"c-0": compute_resources(sized("1"))}) == []
    assert plan_resizes(pod, runtime, {}) == []
    changed = plan_resizes(pod, runtime, {"c-0": compute_resources(sized("500m"))})
    assert [(step.record.id, step.restart) for step in changed] == [("c-0", False)]


def test_more_than_the_node_has_is_infeasible() -> None:
    pod: Object = {"metadata": {}, "spec": {"containers": [{"name": "c", **sized("8")}]}}
    assert infeasible(pod, {"cpu": "16"}) is None
    found = infeasible(pod, {"cpu": "2"})
    assert found is not None
    assert found.message == "Node didn't have enough capacity: cpu, requested: 8000, capacity: 2000"


def quota(cluster: Cluster, pod: Object) -> str:
    base = f"{CPU}{cluster.node.cgroup_root}/kubepods/pod{pod['metadata']['uid']}"
    identity = state_of(pod)["containerID"].removeprefix("containerd://")
    inside = Path(base, identity, "cpu.cfs_quota_us").read_text().strip()
    return f"{inside} of {Path(base, 'cpu.cfs_quota_us').read_text().strip()}"


def limit_of(pod: Object) -> str:
    return str(state_of(pod)["resources"]["limits"]["cpu"])


async def resize(cluster: Cluster, cpu: str) -> None:
    patch = {"spec": {"containers": [{"name": "c", **sized(cpu)}]}}
    await cluster.client.patch(
        PODS,
        "sized",
        patch,
        "default",
        subresource="resize",
        content_type="application/strategic-merge-patch+json",
    )


@ONE_LOOP
@pytest.mark.root
@pytest.mark.slow
@pytest.mark.skipif(not CPU.is_dir(), reason="reads cgroup v1 files")
async def test_a_running_container_grows_and_shrinks_without_a_restart(cluster: Cluster) -> None:
    await cluster.create("sized", container=sized("500m"))
    pod = await cluster.wait("sized", ready)
    assert quota(cluster, pod) == "50000 of 50000"
    for cpu, expected in (("1", "100000 of 100000"), ("200m", "20000 of 20000")):
        await resize(cluster, cpu)

        def resized(pod: Object, want: str = cpu) -> bool:
            return bool(state_of(pod)["resources"]["limits"]["cpu"] == want)

        pod = await cluster.wait("sized", resized)
        assert quota(cluster, pod) == expected
        assert state_of(pod)["restartCount"] == 0
    await resize(cluster, "64")
    pod = await cluster.wait(
        "sized", lambda p: any(c["type"] == "PodResizePending" for c in p["status"]["conditions"])
    )
    assert limit_of(pod) == "200m"
    await resize(cluster, "300m")
    await cluster.wait(
        "sized", lambda p: all(c["type"] != "PodResizePending" for c in p["status"]["conditions"])
    )
    await cluster.delete("sized", grace=0)
