"""Deployments: rolling out, back, pausing, scaling, healing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e.conftest import IMAGE, eventually

if TYPE_CHECKING:
    from tests.e2e.conftest import Kubectl


def status(kubectl: Kubectl) -> dict[str, Any]:
    found: dict[str, Any] = kubectl.json("get", "deployment", "web")["status"]
    return found


def test_scaling_up_and_down(web: Kubectl) -> None:
    web("scale", "deployment", "web", "--replicas=5")
    web("rollout", "status", "deployment/web", "--timeout=60s")
    assert status(web)["readyReplicas"] == 5
    web("scale", "deployment", "web", "--replicas=0")
    eventually(lambda: web("get", "pods", "--no-headers") == "", what="no pods left")


def test_restart_replaces_every_pod(web: Kubectl) -> None:
    before = set(web("get", "pods", "-o", "name").split())
    web("rollout", "restart", "deployment/web")
    web("rollout", "status", "deployment/web", "--timeout=60s")
    assert not before & set(running(web))


def running(kubectl: Kubectl) -> set[str]:
    pods = kubectl.json("get", "pods")["items"]
    return {f"pod/{p['metadata']['name']}" for p in pods if "deletionTimestamp" not in p["metadata"]}


def test_a_bad_image_is_undone(web: Kubectl) -> None:
    web("set", "image", "deployment/web", "demo=steersman.local/none:1", "--record=false")
    web.fails("rollout", "status", "deployment/web", "--timeout=3s")
    assert len(web("rollout", "history", "deployment/web").strip().splitlines()) == 4
    web("rollout", "undo", "deployment/web")
    web("rollout", "status", "deployment/web", "--timeout=60s")
    assert web("get", "deployment", "web", "-o", "jsonpath={..image}") == IMAGE


def test_a_paused_rollout_waits(web: Kubectl) -> None:
    web("rollout", "pause", "deployment/web")
    before = running(web)
    web("set", "env", "deployment/web", "COLOUR=blue")
    assert "paused deployment" in web.fails("rollout", "restart", "deployment/web")
    assert running(web) == before
    web("rollout", "resume", "deployment/web")
    web("rollout", "status", "deployment/web", "--timeout=60s")
    assert not running(web) & before


def test_deleted_pods_come_back(web: Kubectl) -> None:
    before = running(web)
    web("delete", "pod", "-l", "app=web", "--wait=false")
    eventually(lambda: not running(web) & before and status(web).get("readyReplicas") == 2, what="new pods")
    web("wait", "--for=condition=Available", "deployment/web", "--timeout=60s")


def test_what_cannot_be_scheduled_says_why(kubectl: Kubectl) -> None:
    overrides = '{"spec":{"nodeSelector":{"planet":"mars"}}}'
    kubectl("run", "far", f"--image={IMAGE}", f"--overrides={overrides}")
    event = ("events", "--for", "pod/far")
    text = eventually(lambda: (t := kubectl(*event)) and "FailedScheduling" in t and t, 20)
    assert "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector" in text
