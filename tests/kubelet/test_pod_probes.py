"""Probes of containers on a real node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.kubelet.cluster import Cluster, ready, state_of
from tests.kubelet.kubelet_node import ONE_LOOP

from steersman.api.kinds import PODS
from steersman.client.rest import STRATEGIC_PATCH

if TYPE_CHECKING:
    from steersman.api.types import Object

pytestmark = [ONE_LOOP, pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(60)]

QUICK = {"periodSeconds": 1, "failureThreshold": 1}


async def test_readiness_follows_the_probe(cluster: Cluster) -> None:
    probe = {"exec": {"command": ["cat", "/tmp/ok"]}, **QUICK}
    await cluster.create("follows", container={"readinessProbe": probe})
    pod = await cluster.wait("follows", lambda p: state_of(p).get("started"))
    assert not ready(pod)
    condition = next(c for c in pod["status"]["conditions"] if c["type"] == "Ready")
    assert (condition["reason"], condition["message"]) == (
        "ContainersNotReady",
        "containers with unready status: [c]",
    )
    assert (await cluster.wait_event("follows", "Unhealthy")).startswith("Readiness probe failed: cat: ")
    await cluster.run("follows", "touch", "/tmp/ok")
    await cluster.wait("follows", ready)
    await cluster.run("follows", "rm", "/tmp/ok")
    await cluster.wait("follows", lambda p: not ready(p))
    await cluster.delete("follows", grace=0)


async def test_a_failed_liveness_probe_restarts_the_container(cluster: Cluster) -> None:
    probe = {"exec": {"command": ["test", "!", "-e", "/tmp/bad"]}, **QUICK}
    await cluster.create("lives", container={"livenessProbe": probe})
    await cluster.wait("lives", ready)
    await cluster.run("lives", "touch", "/tmp/bad")
    await cluster.wait("lives", lambda p: state_of(p).get("restartCount") == 1 and ready(p))
    message = await cluster.wait_event("lives", "Killing")
    assert message == "Container c failed liveness probe, will be restarted"
    await cluster.delete("lives", grace=0)


@pytest.mark.parametrize(
    "action",
    [
        pytest.param({"httpGet": {"path": "/index.html", "port": "web"}}, id="http, port by name"),
        pytest.param({"tcpSocket": {"port": 8080}}, id="tcp"),
    ],
)
async def test_network_probes(cluster: Cluster, action: dict[str, Any]) -> None:
    serve = "mkdir /www; echo hi > /www/index.html; exec httpd -f -p 8080 -h /www"
    await cluster.create(
        "net",
        command=serve,
        terminationGracePeriodSeconds=1,
        container={"ports": [{"name": "web", "containerPort": 8080}], "readinessProbe": {**action, **QUICK}},
    )
    await cluster.wait("net", ready)
    await cluster.delete("net", grace=0)


async def test_failures_of_network_probes_say_what_happened(cluster: Cluster) -> None:
    probe = {"httpGet": {"path": "/x", "port": 81}, **QUICK}
    await cluster.create("refused", container={"readinessProbe": probe})
    pod = await cluster.wait("refused", lambda p: state_of(p).get("started"))
    ip = pod["status"]["podIP"]
    message = await cluster.wait_event("refused", "Unhealthy")
    assert message == (
        f'Readiness probe failed: Get "http://{ip}:81/x": dial tcp {ip}:81: connect: connection refused'
    )
    await cluster.delete("refused", grace=0)


async def test_startup_holds_the_others_back(cluster: Cluster) -> None:
    startup = {"exec": {"command": ["cat", "/tmp/up"]}, "periodSeconds": 1, "failureThreshold": 30}
    liveness = {"exec": {"command": ["false"]}, **QUICK, "failureThreshold": 100}
    await cluster.create("starts", container={"startupProbe": startup, "livenessProbe": liveness})
    await cluster.wait_event("starts", "Unhealthy")
    pod = await cluster.wait("starts", lambda p: "running" in (state_of(p).get("state") or {}))
    assert not state_of(pod)["started"]
    assert all(not message.startswith("Liveness") for _, message in await cluster.events("starts"))
    await cluster.run("starts", "touch", "/tmp/up")
    await cluster.wait("starts", ready)
    await cluster.delete("starts", grace=0)


async def test_a_readiness_gate_opens_when_its_condition_does(cluster: Cluster) -> None:
    await cluster.create("gated", readinessGates=[{"conditionType": "example.com/lb"}])
    await cluster.wait("gated", lambda p: state_of(p).get("ready"))
    for value in ("False", "True", "False"):
        condition = {"type": "example.com/lb", "status": value}
        await cluster.client.patch(
            PODS,
            "gated",
            {"status": {"conditions": [condition]}},
            "default",
            content_type=STRATEGIC_PATCH,
            subresource="status",
        )

        def follows(pod: Object, wanted: str = value) -> bool:
            return ready(pod) is (wanted == "True")

        await cluster.wait("gated", follows)
    await cluster.delete("gated", grace=0)
