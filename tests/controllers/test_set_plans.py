"""StatefulSet and DaemonSet planners: order, partitions, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steersman.api import meta
from steersman.controllers.daemonset.plan import fits, make_pod, plan_daemons
from steersman.controllers.statefulset.plan import plan_set

if TYPE_CHECKING:
    from steersman.api.types import Object

NOW = 1_767_225_600.0


def stateful(replicas: int, policy: str = "OrderedReady", **spec: object) -> Object:
    metadata = {"name": "s", "namespace": "d", "uid": "s", "generation": 1}
    return {"metadata": metadata, "spec": {"replicas": replicas, "podManagementPolicy": policy, **spec}}


def member(name: str, ready: bool = True, revision: str = "new", deleting: bool = False) -> Object:
    metadata: Object = {"name": name, "uid": name, "labels": {"controller-revision-hash": revision}}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    conditions = [{"type": "Ready", "status": "True"}] if ready else []
    return {"metadata": metadata, "spec": {}, "status": {"phase": "Running", "conditions": conditions}}


@pytest.mark.parametrize(
    ("owner", "pods", "create", "delete"),
    [
        pytest.param(stateful(3), [], [0], [], id="the first alone"),
        pytest.param(stateful(3), [member("s-0", False)], [], [], id="waits until it is ready"),
        pytest.param(stateful(3), [member("s-0")], [1], [], id="then the next"),
        pytest.param(stateful(2), [member("s-1")], [0], [], id="fills a gap"),
        pytest.param(stateful(3, "Parallel"), [member("s-1", False)], [0, 2], [], id="parallel: all"),
        pytest.param(
            stateful(1), [member("s-0"), member("s-1"), member("s-2")], [], ["s-2"], id="last one first"
        ),
        pytest.param(
            stateful(1),
            [member("s-0"), member("s-1"), member("s-2", deleting=True)],
            [],
            [],
            id="one at a time",
        ),
        pytest.param(
            stateful(2, ordinals={"start": 5}),
            [member("s-5"), member("s-0")],
            [6],
            [],
            id="ordinals from five",
        ),
        pytest.param(
            stateful(2),
            [member("s-0", revision="old"), member("s-1", revision="old")],
            [],
            ["s-1"],
            id="update",
        ),
        pytest.param(
            stateful(2), [member("s-0", revision="old"), member("s-1", False)], [], [], id="update waits"
        ),
        pytest.param(
            stateful(2, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}),
            [member("s-0", revision="old"), member("s-1")],
            [],
            [],
            id="not below the partition",
        ),
        pytest.param(
            stateful(1, updateStrategy={"type": "OnDelete"}),
            [member("s-0", revision="old")],
            [],
            [],
            id="on delete",
        ),
    ],
)
def test_next_step_of_a_stateful_set(
    owner: Object, pods: list[Object], create: list[int], delete: list[str]
) -> None:
    plan = plan_set(owner, pods, "old", "new", NOW)
    assert [ordinal for ordinal, _ in plan.create] == create
    assert [meta.name(pod) for pod in plan.delete] == delete


def test_below_the_partition_pods_are_made_of_the_current_revision() -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    plan = plan_set(stateful(3, "Parallel", updateStrategy=strategy), [], "old", "new", NOW)
    assert plan.create == ((0, "old"), (1, "old"), (2, "new"))


def daemon(**spec: object) -> Object:
    metadata = {"name": "d", "namespace": "d", "uid": "d", "generation": 1}
    return {"metadata": metadata, "spec": {"template": {"spec": {"containers": [], **spec}}}}


def node(name: str, *taints: tuple[str, str], **labels: str) -> Object:
    listed = [{"key": key, "effect": effect} for key, effect in taints]
    return {"metadata": {"name": name, "labels": labels}, "spec": {"taints": listed}}


@pytest.mark.parametrize(
    ("owner", "where", "expected"),
    [
        pytest.param(daemon(), node("a"), (True, True), id="plain"),
        pytest.param(daemon(), node("a", ("x", "NoSchedule")), (False, True), id="no new ones"),
        pytest.param(daemon(), node("a", ("x", "NoExecute")), (False, False), id="none at all"),
        pytest.param(
            daemon(),
            node("a", ("node.kubernetes.io/unschedulable", "NoSchedule")),
            (True, True),
            id="cordoned",
        ),
        pytest.param(daemon(nodeSelector={"disk": "ssd"}), node("a"), (False, False), id="other label"),
        pytest.param(
            daemon(nodeSelector={"disk": "ssd"}), node("a", disk="ssd"), (True, True), id="right label"
        ),
        pytest.param(
            daemon(
                affinity={
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [
                                {
                                    "matchExpressions": [
                                        {"key": "disk", "operator": "NotIn", "values": ["hdd"]}
                                    ]
                                }
                            ]
                        }
                    }
                }
            ),
            node("a", disk="hdd"),
            (False, False),
            id="affinity",
        ),
    ],
)
def test_where_a_daemon_fits(owner: Object, where: Object, expected: tuple[bool, bool]) -> None:
    assert fits(owner, where) == expected


def on(name: str, where: str, ready: bool = True, revision: str = "new") -> Object:
    return member(name, ready, revision) | {"spec": {"nodeName": where}}


@pytest.mark.parametrize(
    ("pods", "create", "delete"),
    [
        pytest.param([], ["a", "b", "c"], [], id="one on each"),
        pytest.param([on("p", "a"), on("q", "a")], ["b", "c"], ["q"], id="no more than one"),
        pytest.param([on("p", n) for n in "abcx"], [], ["p"], id="not where no node is"),
        pytest.param([on(n, n, revision="old") for n in "abc"], [], ["a"], id="update one after the other"),
        pytest.param(
            [on("a", "a", False, "old"), on("b", "b", revision="old"), on("c", "c")],
            [],
            ["a"],
            id="broken ones first",
        ),
        pytest.param(
            [on("a", "a", False), on("b", "b", revision="old"), on("c", "c")], [], [], id="waits for the new"
        ),
    ],
)
def test_pods_of_a_daemon_set(pods: list[Object], create: list[str], delete: list[str]) -> None:
    plan = plan_daemons(daemon(), pods, [node(n) for n in "abc"], "new", NOW)
    assert list(plan.create) == create
    assert [meta.name(pod) for pod in plan.delete] == delete


def test_a_daemon_pod_is_meant_for_its_node_and_bears_its_troubles() -> None:
    pod = make_pod(daemon(), "a", "new")
    terms = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert terms["nodeSelectorTerms"][0]["matchFields"][0]["values"] == ["a"]
    keys = {t["key"] for t in pod["spec"]["tolerations"]}
    assert "node.kubernetes.io/unreachable" in keys
