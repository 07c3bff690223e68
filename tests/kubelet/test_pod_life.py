"""Pods on a real node: started, watched, restarted, stopped, adopted."""

from __future__ import annotations

import pytest
from tests.kubelet.cluster import Cluster, ready, state_of

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(60)]


async def test_a_pod_starts_reports_and_leaves_nothing(cluster: Cluster) -> None:
    await cluster.create("web")
    pod = await cluster.wait("web", ready)
    status = pod["status"]
    assert status["phase"] == "Running"
    assert status["podIP"].startswith("10.88.0.")
    assert status["qosClass"] == "BestEffort"
    assert [c["type"] for c in status["conditions"]] == [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ]
    assert "running" in state_of(pod)["state"]
    await cluster.delete("web")
    await cluster.wait_gone("web")
