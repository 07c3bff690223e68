"""The node as an administrator sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.conftest import IMAGE, eventually

if TYPE_CHECKING:
    from tests.e2e.conftest import Kubectl


def test_the_node_reports_itself(kubectl: Kubectl) -> None:
    node = kubectl.json("get", "node", "node-1")
    conditions = {c["type"]: c["status"] for c in node["status"]["conditions"]}
    assert conditions["Ready"] == "True"
    assert conditions["MemoryPressure"] == "False"
    assert node["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://")
    assert node["spec"]["podCIDR"].startswith("10.24")
    holder = kubectl(
        "-n", "kube-node-lease", "get", "lease", "node-1", "-o", "jsonpath={.spec.holderIdentity}"
    )
    assert holder == "node-1"


def test_cordon_keeps_new_pods_away(kubectl: Kubectl) -> None:
    kubectl("cordon", "node-1")
    try:
        assert "SchedulingDisabled" in kubectl("get", "node", "node-1")
        kubectl("run", "late", f"--image={IMAGE}")
        eventually(lambda: "FailedScheduling" in kubectl("events", "--for", "pod/late"))
        assert "node(s) were unschedulable" in kubectl("events", "--for", "pod/late")
    finally:
        kubectl("uncordon", "node-1")
    kubectl("wait", "--for=condition=Ready", "pod/late", "--timeout=60s")


def test_drain_evicts_what_was_asked_for(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "drained", f"--image={IMAGE}", "--replicas=2")
    kubectl("rollout", "status", "deployment/drained", "--timeout=60s")
    before = set(kubectl("get", "pods", "-o", "name").split())
    try:
        kubectl("drain", "node-1", "--pod-selector=app=drained", "--ignore-daemonsets", "--timeout=60s")
        assert not before & set(kubectl("get", "pods", "-o", "name").split())
    finally:
        kubectl("uncordon", "node-1")
    kubectl("rollout", "status", "deployment/drained", "--timeout=60s")


def test_taints(kubectl: Kubectl) -> None:
    kubectl("taint", "node", "node-1", "colour=red:NoSchedule")
    try:
        kubectl("run", "plain", f"--image={IMAGE}")
        eventually(lambda: "untolerated taint" in kubectl("events", "--for", "pod/plain"))
    finally:
        kubectl("taint", "node", "node-1", "colour-")
    kubectl("wait", "--for=condition=Ready", "pod/plain", "--timeout=60s")
