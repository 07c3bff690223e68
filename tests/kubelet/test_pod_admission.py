"""Room on the node for pods that were bound to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.kubelet.cluster import Cluster, phase, ready
from tests.kubelet.kubelet_node import ONE_LOOP

from steersman.kubelet.pods.admission import refusal

if TYPE_CHECKING:
    from steersman.api.types import Object

NODE = {"cpu": "2", "memory": "1Gi", "pods": "3"}


def asking(cpu: str = "0", memory: str = "0") -> Object:
    requests = {"cpu": cpu, "memory": memory}
    return {"metadata": {}, "spec": {"containers": [{"name": "c", "resources": {"requests": requests}}]}}


@pytest.mark.parametrize(
    ("pod", "others", "message"),
    [
        pytest.param(asking("1"), [asking("1")], None, id="it just fits"),
        pytest.param(
            asking("1"),
            [asking("1500m")],
            "cpu, requested: 1000, used: 1500, capacity: 2000",
            id="too much CPU",
        ),
        pytest.param(
            asking(memory="2Gi"),
            [],
            "memory, requested: 2147483648, used: 0, capacity: 1073741824",
            id="too much memory",
        ),
        pytest.param(
            asking(), [asking()] * 3, "pods, requested: 1, used: 3, capacity: 3", id="too many pods"
        ),
        pytest.param(asking(), [asking("2")] * 2, None, id="nothing asked, on a node that is over full"),
    ],
)
def test_refusal(pod: Object, others: list[Object], message: str | None) -> None:
    found = refusal(pod, others, NODE)
    assert (found.message if found else None) == (
        None if message is None else f"Node didn't have enough resource: {message}"
    )


@ONE_LOOP
@pytest.mark.root
@pytest.mark.slow
async def test_a_pod_without_room_fails_and_is_not_begun(cluster: Cluster) -> None:
    large = {"resources": {"requests": {"cpu": "100"}}}
    await cluster.create("large", container=large)
    pod = await cluster.wait("large", phase("Failed"))
    assert pod["status"]["reason"] == "OutOfcpu"
    assert pod["status"]["message"].startswith("Pod was rejected: Node didn't have enough resource: cpu")
    await cluster.create("small")
    await cluster.wait("small", ready)
    await cluster.delete("large", grace=0)
    await cluster.delete("small", grace=0)
