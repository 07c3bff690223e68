"""ReplicaSets: which pods go first, what the status says, how many are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steersman.api import meta
from steersman.api.labels import parse_selector
from steersman.api.times import rfc3339
from steersman.controllers import pods
from steersman.controllers.ownership import plan_claims
from steersman.controllers.replicaset import plan_replicas, plan_status

if TYPE_CHECKING:
    from steersman.api.types import Object

NOW = 1_767_225_600.0


def pod(
    name: str,
    node: str = "n1",
    phase: str = "Running",
    ready: float | None = 1000.0,
    *,
    age: float = 1000.0,
    restarts: int = 0,
    cost: str = "",
    deleting: bool = False,
    owner: str = "",
) -> Object:
    """A pod; `ready`: for how many seconds it has been ready."""
    metadata: Object = {
        "name": name,
        "uid": name,
        "creationTimestamp": rfc3339(NOW - age),
        "labels": {"a": "b"},
    }
    if cost:
        metadata["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": cost}
    if deleting:
        metadata["deletionTimestamp"] = rfc3339(NOW)
    if owner:
        metadata["ownerReferences"] = [
            {"uid": owner, "controller": True, "kind": "ReplicaSet", "name": owner}
        ]
    conditions = []
    if ready is not None:
        stamp = rfc3339(NOW - ready)
        conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": stamp}]
    statuses = [{"restartCount": restarts}]
    status = {"phase": phase, "conditions": conditions, "containerStatuses": statuses}
    return {"metadata": metadata, "spec": {"nodeName": node} if node else {}, "status": status}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(pod("x", node=""), pod("y", cost="-5"), id="not scheduled"),
        pytest.param(pod("x", phase="Pending"), pod("y", ready=None), id="pending before running"),
        pytest.param(pod("x", ready=None), pod("y", cost="-5"), id="not ready before cheap"),
        pytest.param(pod("x", cost="-5"), pod("y", ready=1), id="cheap before young"),
        pytest.param(pod("x", node="full"), pod("y", ready=1), id="crowded node before young"),
        pytest.param(pod("x", ready=10), pod("y", restarts=9), id="ready for a shorter time"),
        pytest.param(pod("x", restarts=9), pod("y", age=1), id="more restarts"),
        pytest.param(pod("x", age=10), pod("y"), id="younger"),
        pytest.param(pod("x", age=1000), pod("y", age=1010), id="about the same age: by uid"),
    ],
)
def test_which_of_two_goes_first(first: Object, second: Object) -> None:
    crowd = [pod(f"c{n}", node="full") for n in range(3)]
    for pair in ((first, second), (second, first)):
        plan = plan_replicas(1, list(pair), [first, second, *crowd], NOW)
        assert [meta.name(p) for p in plan.delete] == ["x"]


def test_missing_pods_are_made_at_most_five_hundred_at_once() -> None:
    assert plan_replicas(3, [pod("a")], [], NOW).create == 2
    assert plan_replicas(900, [], [], NOW).create == 500


def test_status_counts_only_active_pods() -> None:
    owner = {
        "kind": "ReplicaSet",
        "metadata": {"generation": 4},
        "spec": {"minReadySeconds": 60, "template": {"metadata": {"labels": {"a": "b"}}}},
    }
    owned = [
        pod("old"),
        pod("fresh", ready=5),
        pod("starting", ready=None),
        pod("going", deleting=True),
        pod("gone", phase="Failed"),
    ]
    assert plan_status(owner, owned, None, NOW) == {
        "replicas": 3,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 2,
        "availableReplicas": 1,
        "terminatingReplicas": 1,
        "observedGeneration": 4,
    }
    failed = plan_status(owner, [], ("FailedCreate", "quota"), NOW)
    assert failed["conditions"][0]["reason"] == "FailedCreate"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(pod("p", owner="me"), "keep", id="ours"),
        pytest.param(pod("p", owner="other"), "", id="another's"),
        pytest.param(pod("p"), "adopt", id="orphan that matches"),
        pytest.param(pod("p", deleting=True), "", id="orphan on its way out"),
    ],
)
def test_claims(found: Object, expected: str) -> None:
    owner: Object = {"metadata": {"name": "me", "uid": "me"}}
    claims = plan_claims(owner, parse_selector("a=b"), [found])
    assert [key for key in ("keep", "adopt", "release") if getattr(claims, key)] == (
        [expected] if expected else []
    )
    released = plan_claims(owner, parse_selector("a=c"), [pod("p", owner="me")])
    assert released.release


async def test_batches_double_until_one_fails() -> None:
    calls = 0

    async def create() -> None:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise ValueError("quota")

    done, error = await pods.in_batches(100, create)
    assert (done, calls, str(error)) == (5, 7, "quota")
