"""Pods on a real node: started, restarted, adopted, stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kubelet.cluster import IMAGE, Cluster, phase, ready, running_kubelet, state_of, waits_for
from tests.kubelet.kubelet_node import ONE_LOOP, ctr, restart_containerd

from steersman.api.kinds import PODS

pytestmark = [ONE_LOOP, pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(60)]

STAY = "trap exit TERM; while true; do sleep 0.1; done"


def step(name: str, command: str, **fields: object) -> dict[str, object]:
    return {"name": name, "image": IMAGE, "command": ["sh", "-c", command], **fields}


async def test_a_pod_starts_reports_and_leaves_nothing(cluster: Cluster) -> None:
    created = await cluster.create("web")
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
    assert all("message" not in c for c in status["conditions"])
    assert "running" in state_of(pod)["state"]
    reasons = [reason for reason, _ in await cluster.events("web")]
    assert reasons[:3] == ["Pulled", "Created", "Started"]
    await cluster.delete("web")
    await cluster.wait_gone("web")
    uid = created["metadata"]["uid"]
    assert not (cluster.node.directory / "kubelet" / "pods" / uid).exists()
    assert not list(Path("/sys/fs/cgroup/").glob(f"*{cluster.node.cgroup_root}/kubepods/besteffort/pod{uid}"))


async def test_init_containers_and_sidecars_start_in_order(cluster: Cluster) -> None:
    volume = {"name": "work", "mountPath": "/work"}
    await cluster.create(
        "ordered",
        volumes=[{"name": "work", "emptyDir": {}}],
        initContainers=[
            step("first", "echo first >> /work/order", volumeMounts=[volume]),
            step("side", f"echo side >> /work/order; {STAY}", restartPolicy="Always", volumeMounts=[volume]),
            step("last", "echo last >> /work/order", volumeMounts=[volume]),
        ],
        container={"volumeMounts": [volume]},
    )
    pod = await cluster.wait("ordered", ready)
    assert await cluster.run("ordered", "cat", "/work/order") == "first\nside\nlast\n"
    assert state_of(pod, "side")["started"]
    assert state_of(pod, "first")["state"]["terminated"]["reason"] == "Completed"
    await cluster.delete("ordered")
    await cluster.wait_gone("ordered")


@pytest.mark.parametrize(
    ("policy", "command", "expected"),
    [
        pytest.param("Never", "exit 0", "Succeeded", id="success ends a pod"),
        pytest.param("Never", "exit 3", "Failed", id="failure ends a pod that never restarts"),
        pytest.param("OnFailure", "exit 0", "Succeeded", id="success is enough for OnFailure"),
    ],
)
async def test_finished_pods(cluster: Cluster, policy: str, command: str, expected: str) -> None:
    await cluster.create("done", restartPolicy=policy, command=command)
    pod = await cluster.wait("done", phase(expected))
    assert state_of(pod)["state"]["terminated"]["exitCode"] == (3 if expected == "Failed" else 0)
    assert not ready(pod)
    await cluster.delete("done")
    await cluster.wait_gone("done")


async def test_a_crashing_container_backs_off(cluster: Cluster) -> None:
    await cluster.create("crash", command="exit 5")
    pod = await cluster.wait(
        "crash",
        waits_for("CrashLoopBackOff"),
    )
    status = state_of(pod)
    assert status["restartCount"] == 1
    assert status["lastState"]["terminated"]["exitCode"] == 5
    uid = pod["metadata"]["uid"]
    expected = f"back-off 10s restarting failed container=c pod=crash_default({uid})"
    assert status["state"]["waiting"]["message"] == expected
    assert pod["status"]["phase"] == "Running"
    message = await cluster.wait_event("crash", "BackOff")
    assert message == f"Back-off restarting failed container c in pod crash_default({uid})"
    await cluster.delete("crash", grace=0)


async def test_a_killed_container_is_restarted_and_keeps_its_previous_log(cluster: Cluster) -> None:
    await cluster.create("killed", command=f"echo one life; {STAY}")
    running = await cluster.wait("killed", ready)
    identity = cluster.kubelet.access.container_id(running["metadata"]["uid"], "c")
    assert identity is not None
    ctr(cluster.node.socket, "tasks", "kill", "-s", "SIGKILL", identity)
    pod = await cluster.wait("killed", lambda p: state_of(p).get("restartCount") == 1 and ready(p))
    previous = cluster.kubelet.access.log_path(pod["metadata"]["uid"], "c", previous=True)
    assert previous is not None
    assert "one life" in Path(previous).read_text()
    assert state_of(pod)["lastState"]["terminated"]["exitCode"] == 137
    await cluster.delete("killed", grace=0)


async def test_a_lost_sandbox_is_made_again(cluster: Cluster) -> None:
    await cluster.create("moved")
    pod = await cluster.wait("moved", ready)
    sandbox = cluster.kubelet.access.sandbox_id(pod["metadata"]["uid"])
    assert sandbox is not None
    await cluster.kubelet.kit.runtime.stop_sandbox(sandbox)
    # More than one restart when the container was seen to end before its sandbox was.
    pod = await cluster.wait("moved", lambda p: state_of(p).get("restartCount", 0) >= 1 and ready(p))
    assert cluster.kubelet.access.sandbox_id(pod["metadata"]["uid"]) != sandbox
    assert await cluster.wait_event("moved", "SandboxChanged")
    await cluster.delete("moved", grace=0)


async def test_a_new_kubelet_adopts_what_runs(cluster: Cluster) -> None:
    await cluster.create(
        "kept", container={"readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1}}
    )
    before = await cluster.wait("kept", ready)
    async with running_kubelet(cluster.node, cluster.client) as second:
        uid = before["metadata"]["uid"]
        worker = second.workers.get(uid)
        while worker is None or second.kit.status.current(uid) is None:
            await second.kit.clock.sleep(0.02)
            worker = second.workers.get(uid)
        assert ready({"status": second.kit.status.current(uid)})
        await second.kit.clock.sleep(0.5)
    after = await cluster.pod("kept")
    assert after is not None
    assert after["status"] == before["status"]
    await cluster.delete("kept", grace=0)


async def test_an_ephemeral_container_joins_a_running_pod(cluster: Cluster) -> None:
    await cluster.create("debugged")
    await cluster.wait("debugged", ready)
    debugger = {**step("debugger", "sleep 60"), "targetContainerName": "c"}
    await cluster.client.patch(
        PODS,
        "debugged",
        {"spec": {"ephemeralContainers": [debugger]}},
        "default",
        subresource="ephemeralcontainers",
    )
    pod = await cluster.wait("debugged", lambda p: "running" in (state_of(p, "debugger").get("state") or {}))
    assert ready(pod)
    seen = await cluster.run("debugged", "sh", "-c", "cat /proc/1/cmdline", container="debugger")
    assert "while true" in seen
    await cluster.delete("debugged", grace=0)


async def test_an_image_change_restarts_the_container(cluster: Cluster) -> None:
    await cluster.create("changed")
    await cluster.wait("changed", ready)
    other = "localhost/steersman/other:test"
    ctr(cluster.node.socket, "images", "tag", "--force", IMAGE, other)
    await cluster.client.patch(
        PODS,
        "changed",
        [{"op": "replace", "path": "/spec/containers/0/image", "value": other}],
        "default",
        content_type="application/json-patch+json",
    )
    await cluster.wait("changed", lambda p: state_of(p).get("restartCount") == 1 and ready(p))
    message = await cluster.wait_event("changed", "Killing")
    assert message == "Container c definition changed, will be restarted"
    await cluster.delete("changed", grace=0)


async def test_a_restarted_runtime_is_found_again(cluster: Cluster) -> None:
    """Last in this file: the shared node has a new containerd afterwards."""
    await cluster.create("outlives")
    before = await cluster.wait("outlives", ready)
    restart_containerd(cluster.node)
    await cluster.create("later")
    await cluster.wait("later", ready)
    identity = cluster.kubelet.access.container_id(before["metadata"]["uid"], "c")
    assert identity is not None
    ctr(cluster.node.socket, "tasks", "kill", "-s", "SIGKILL", identity)
    await cluster.wait("outlives", lambda p: state_of(p).get("restartCount") == 1 and ready(p))
    await cluster.delete("outlives", grace=0)
    await cluster.delete("later", grace=0)
