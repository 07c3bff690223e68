"""EndpointSlices: content, packing, and that as little as possible is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steersman.controllers.endpoints import plan_subsets
from steersman.controllers.endpointslice import SlicePlan, desired_endpoints, plan_slices

if TYPE_CHECKING:
    from steersman.api.types import Object


def service(**spec: object) -> Object:
    ports = [{"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"}]
    return {"metadata": {"name": "s", "namespace": "d", "uid": "s"}, "spec": {"ports": ports, **spec}}


def pod(number: int, ready: bool = True, deleting: bool = False, port: int = 8080) -> Object:
    metadata = {"name": f"p{number}", "namespace": "d", "uid": f"p{number}"}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    container = {"name": "c", "ports": [{"name": "web", "containerPort": port, "protocol": "TCP"}]}
    return {
        "metadata": metadata,
        "spec": {"nodeName": "n", "containers": [container]},
        "status": {
            "phase": "Running",
            "podIP": f"10.0.{number // 250}.{number % 250}",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


@pytest.mark.parametrize(
    ("ready", "deleting", "tolerant", "expected"),
    [
        (True, False, False, (True, True, False)),
        (False, False, False, (False, False, False)),
        (True, True, False, (False, True, True)),
        (False, True, False, (False, False, True)),
        (False, False, True, (True, False, False)),
    ],
)
def test_conditions(ready: bool, deleting: bool, tolerant: bool, expected: tuple[bool, bool, bool]) -> None:
    target = service(publishNotReadyAddresses=tolerant)
    groups = desired_endpoints(target, [pod(1, ready, deleting)], lambda node: "zone-" + node)
    ((endpoint,),) = groups.values()
    conditions = endpoint["conditions"]
    assert (conditions["ready"], conditions["serving"], conditions["terminating"]) == expected
    assert endpoint["zone"] == "zone-n"


def test_endpoints_are_grouped_by_their_port_and_those_being_deleted_left_out() -> None:
    pods = [pod(1), pod(2, ready=False), pod(3, port=9090), pod(4, deleting=True)]
    first, second = plan_subsets(service(), pods)
    assert [a["ip"] for a in first["addresses"]] == ["10.0.0.1"]
    assert [a["ip"] for a in first["notReadyAddresses"]] == ["10.0.0.2"]
    assert (first["ports"][0]["port"], second["ports"][0]["port"]) == (8080, 9090)


def applied(present: list[Object], plan: SlicePlan, start: int) -> list[Object]:
    gone = {s["metadata"]["name"] for s in plan.delete}
    changed = {s["metadata"]["name"]: s for s in plan.update}
    kept = [changed.get(s["metadata"]["name"], s) for s in present if s["metadata"]["name"] not in gone]
    named = (s | {"metadata": s["metadata"] | {"name": f"s-{start}-{i}"}} for i, s in enumerate(plan.create))
    return kept + list(named)


@given(st.lists(st.sets(st.integers(0, 249), max_size=240), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_slices_always_hold_exactly_the_endpoints(steps: list[set[int]]) -> None:
    target, present = service(), list[dict[str, object]]()
    for number, wanted in enumerate(steps):
        groups = desired_endpoints(target, [pod(n) for n in sorted(wanted)], lambda node: "")
        present = applied(present, plan_slices(target, groups, present, 0.0), number)
        held = [e["targetRef"]["name"] for s in present for e in s["endpoints"]]  # type: ignore[attr-defined]
        assert sorted(held) == sorted(f"p{n}" for n in wanted)
        assert all(len(s["endpoints"]) <= 100 for s in present)  # type: ignore[arg-type]
        assert present
        again = plan_slices(target, groups, present, 1.0)
        assert again == SlicePlan()


def test_one_more_endpoint_touches_one_slice() -> None:
    target = service()
    groups = desired_endpoints(target, [pod(n) for n in range(150)], lambda node: "")
    present = applied([], plan_slices(target, groups, [], 0.0), 0)
    groups = desired_endpoints(target, [pod(n) for n in range(151)], lambda node: "")
    plan = plan_slices(target, groups, present, 0.0)
    assert (len(plan.create), len(plan.update), len(plan.delete)) == (0, 1, 0)
