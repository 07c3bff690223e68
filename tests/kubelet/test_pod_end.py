"""How pods end: grace periods, hooks, deadlines, messages left behind, static pods."""

from __future__ import annotations

import time

import pytest
from tests.kubelet.cluster import Cluster, phase, ready, running_kubelet, state_of
from tests.kubelet.kubelet_node import ONE_LOOP

pytestmark = [ONE_LOOP, pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(60)]

DEAF = "trap '' TERM; while true; do sleep 0.1; done"


async def test_a_deaf_container_is_killed_after_its_grace_period(cluster: Cluster) -> None:
    await cluster.create("deaf", command=DEAF, terminationGracePeriodSeconds=2)
    await cluster.wait("deaf", ready)
    began = time.monotonic()
    await cluster.delete("deaf")
    await cluster.wait_gone("deaf")
    assert 1.9 < time.monotonic() - began < 4


async def test_a_shorter_grace_period_takes_effect_at_once(cluster: Cluster) -> None:
    await cluster.create("slow", command=DEAF, terminationGracePeriodSeconds=40)
    await cluster.wait("slow", ready)
    await cluster.delete("slow")
    await cluster.wait_event("slow", "Killing")
    began = time.monotonic()
    await cluster.delete("slow", grace=1)
    await cluster.wait_gone("slow", seconds=6)
    assert time.monotonic() - began < 5


async def test_hooks_run_after_start_and_before_stop(cluster: Cluster) -> None:
    share = cluster.node.directory / "share"
    share.mkdir(exist_ok=True)
    await cluster.create(
        "hooked",
        volumes=[{"name": "share", "hostPath": {"path": str(share), "type": "Directory"}}],
        container={
            "volumeMounts": [{"name": "share", "mountPath": "/share"}],
            "lifecycle": {
                "postStart": {"exec": {"command": ["sh", "-c", "echo started >> /share/hooks"]}},
                "preStop": {"exec": {"command": ["sh", "-c", "echo stopping >> /share/hooks"]}},
            },
        },
    )
    await cluster.wait("hooked", ready)
    await cluster.delete("hooked")
    await cluster.wait_gone("hooked")
    assert (share / "hooks").read_text() == "started\nstopping\n"


async def test_a_failed_post_start_hook_kills_the_container(cluster: Cluster) -> None:
    await cluster.create("unhooked", container={"lifecycle": {"postStart": {"exec": {"command": ["false"]}}}})
    await cluster.wait_event("unhooked", "FailedPostStartHook")
    await cluster.wait("unhooked", lambda p: state_of(p).get("restartCount", 0) >= 1)
    await cluster.delete("unhooked", grace=0)


@pytest.mark.parametrize(
    ("policy", "command", "expected"),
    [
        pytest.param("File", "echo bye > /dev/termination-log; exit 1", "bye\n", id="from the file"),
        pytest.param("FallbackToLogsOnError", "echo log; exit 1", "log\n", id="from the log on error"),
        pytest.param("File", "echo log; exit 1", None, id="none without a file"),
    ],
)
async def test_termination_message(cluster: Cluster, policy: str, command: str, expected: str | None) -> None:
    await cluster.create(
        "said", restartPolicy="Never", command=command, container={"terminationMessagePolicy": policy}
    )
    pod = await cluster.wait("said", phase("Failed"))
    assert state_of(pod)["state"]["terminated"].get("message") == expected
    await cluster.delete("said", grace=0)


async def test_a_pod_past_its_deadline_fails(cluster: Cluster) -> None:
    await cluster.create("late", activeDeadlineSeconds=4, terminationGracePeriodSeconds=1)
    await cluster.wait("late", ready)
    pod = await cluster.wait("late", phase("Failed"))
    assert pod["status"]["reason"] == "DeadlineExceeded"
    assert pod["status"]["message"] == "Pod was active on the node longer than the specified deadline"
    await cluster.wait("late", lambda p: "terminated" in state_of(p)["state"])
    await cluster.delete("late", grace=0)


async def test_a_static_pod_has_a_mirror_and_goes_with_its_file(cluster: Cluster) -> None:
    manifests = cluster.node.directory / "manifests"
    manifests.mkdir(exist_ok=True)
    manifest = manifests / "web.yaml"
    manifest.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: static}\nspec:\n  containers:\n"
        "  - {name: c, image: 'localhost/steersman/busybox:test', command: [sh, -c, 'sleep 600']}\n"
        "  terminationGracePeriodSeconds: 1\n"
    )
    async with running_kubelet(cluster.node, cluster.client, static_pods=str(manifests)):
        first = await cluster.wait("static-node-1", ready)
        await cluster.delete("static-node-1")
        second = await cluster.wait(
            "static-node-1", lambda pod: ready(pod) and pod["metadata"]["uid"] != first["metadata"]["uid"]
        )
        assert second["status"]["containerStatuses"][0]["restartCount"] == 0
        manifest.unlink()
        await cluster.wait_gone("static-node-1")
