"""Sizes of ReplicaSets during rollouts: tables, and what must never happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steersman.api import meta
from steersman.controllers.deployment import revisions, rollout

if TYPE_CHECKING:
    from steersman.api.types import Object


def deploy(
    replicas: int, surge: Any = "25%", unavailable: Any = "25%", kind: str = "RollingUpdate"
) -> Object:
    strategy: Object = {"type": kind}
    if kind == "RollingUpdate":
        strategy["rollingUpdate"] = {"maxSurge": surge, "maxUnavailable": unavailable}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "new"}]}}
    return {
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "d", "uid": "dep", "generation": 1},
        "spec": {"replicas": replicas, "strategy": strategy, "template": template, "selector": {}},
    }


def rs(
    name: str, replicas: int, available: int | None = None, age: int = 0, desired: int | None = None
) -> Object:
    notes = {revisions.DESIRED: str(desired), revisions.MAX: str(desired)} if desired is not None else {}
    metadata = {"name": name, "uid": name, "creationTimestamp": f"2026-01-01T00:00:{59 - age:02d}Z"}
    return {
        "metadata": metadata | {"annotations": notes},
        "spec": {"replicas": replicas, "template": {}},
        "status": {"availableReplicas": replicas if available is None else available, "replicas": replicas},
    }


def sizes(scales: list[rollout.Scale] | None) -> dict[str, int] | None:
    return None if scales is None else {meta.name(scale.rs): scale.replicas for scale in scales}


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (10, "25%", "25%", (3, 2)),
        (1, "25%", "25%", (1, 0)),
        (4, 0, 0, (0, 1)),
        (3, 5, 9, (5, 3)),
        (0, "25%", "25%", (0, 0)),
    ],
)
def test_surge_rounds_up_and_unavailable_down(
    replicas: int, surge: Any, unavailable: Any, expected: tuple[int, int]
) -> None:
    assert rollout.fences(deploy(replicas, surge, unavailable)) == expected


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param(
            rs("n", 3), [rs("o", 10)], {"o": 5}, id="surge used up: old ones go down to the minimum"
        ),
        pytest.param(
            rs("n", 3, 0), [rs("o", 10)], {"o": 8}, id="new ones not available yet: down to minimum"
        ),
        pytest.param(rs("n", 3, 0), [rs("o", 8)], {"n": 5}, id="room: the new set grows first"),
        pytest.param(rs("n", 5, 0), [rs("o", 8)], {}, id="nothing may move until new ones are available"),
        pytest.param(rs("n", 5, 5), [rs("o", 8)], {"o": 3}, id="as many go as are spare"),
        pytest.param(rs("n", 10), [rs("o", 3)], {"o": 0}, id="the end"),
        pytest.param(rs("n", 12), [rs("o", 0)], {"n": 10}, id="too large is cut at once"),
        pytest.param(rs("n", 10, 0), [rs("o", 3, 0)], {}, id="neither healthy: no room below the minimum"),
        pytest.param(
            rs("n", 3, 3), [rs("x", 4, 0, age=2), rs("o", 6, age=1)], {"x": 0, "o": 5}, id="unhealthy first"
        ),
    ],
)
def test_one_step_of_a_rolling_update(new: Object, old: list[Object], expected: dict[str, int]) -> None:
    assert sizes(rollout.plan_rolling(deploy(10), new, old)) == expected


@given(
    replicas=st.integers(1, 12),
    surge=st.integers(0, 5),
    unavailable=st.integers(0, 5),
    old=st.lists(st.integers(0, 8), max_size=3),
)
@settings(max_examples=200)
def test_a_rolling_update_ends_and_keeps_within_its_fences(
    replicas: int, surge: int, unavailable: int, old: list[int]
) -> None:
    deployment = deploy(replicas, surge, unavailable)
    fences = rollout.fences(deployment)
    sets = [rs("new", 0), *(rs(f"o{i}", n, age=9 - i) for i, n in enumerate(old))]
    most = max(replicas + fences.surge, sum(old))
    least = min(replicas - fences.unavailable, sum(old))
    for _ in range(200):
        scales = rollout.plan_rolling(deployment, sets[0], sets[1:])
        if not scales:
            break
        changed = sizes(scales) or {}
        sets = [
            rs(meta.name(s), changed.get(meta.name(s), s["spec"]["replicas"]), age=i)
            for i, s in enumerate(sets)
        ]
        total = sum(s["spec"]["replicas"] for s in sets)
        assert total <= most
        assert total >= least
    assert [s["spec"]["replicas"] for s in sets] == [replicas, *(0 for _ in old)]


@pytest.mark.parametrize(
    ("new", "old", "left", "expected"),
    [
        pytest.param(None, [rs("o", 3)], True, {"o": 0}, id="old ones are stopped"),
        pytest.param(None, [rs("o", 0)], True, None, id="and must be gone"),
        pytest.param(rs("n", 0), [rs("o", 0)], False, {"n": 3}, id="before new ones start"),
        pytest.param(rs("n", 3), [rs("o", 0)], False, {}, id="then it is done"),
    ],
)
def test_recreate(new: Object | None, old: list[Object], left: bool, expected: dict[str, int] | None) -> None:
    assert sizes(rollout.plan_recreate(deploy(3, kind="Recreate"), new, old, left)) == expected


@pytest.mark.parametrize(
    ("replicas", "new", "old", "expected"),
    [
        pytest.param(5, rs("n", 3, desired=3), [], {"n": 5}, id="one set takes it all"),
        pytest.param(0, rs("n", 5, desired=10), [rs("o", 8, desired=10)], {"n": 0, "o": 0}, id="to zero"),
        pytest.param(
            20, rs("n", 5, desired=10), [rs("o", 5, desired=10)], {"n": 10, "o": 10}, id="in halves"
        ),
        pytest.param(4, rs("n", 2, desired=8), [rs("o", 6, desired=8)], {"n": 1, "o": 3}, id="down in parts"),
        pytest.param(
            3, rs("n", 3, desired=3), [rs("o", 1, desired=3)], {"o": 0}, id="saturated: old ones go"
        ),
    ],
)
def test_proportional_scaling(
    replicas: int, new: Object, old: list[Object], expected: dict[str, int]
) -> None:
    assert sizes(rollout.plan_proportional(deploy(replicas, 0, 1), new, old)) == expected


def test_the_hash_depends_on_the_template_and_on_collisions_only() -> None:
    template = deploy(1)["spec"]["template"]
    assert revisions.template_hash(template) == revisions.template_hash(dict(reversed(template.items())))
    assert revisions.template_hash(template) != revisions.template_hash(template, 1)
    assert revisions.template_hash(template).isalnum()


def test_a_template_taken_up_again_gets_the_next_revision_and_a_history() -> None:
    found = rs("n", 0)
    found["metadata"]["annotations"] = {revisions.REVISION: "1"}
    notes = revisions.annotations_for(deploy(1), found, 4)
    assert notes[revisions.REVISION] == "4"
    assert notes[revisions.HISTORY] == "1"


def test_history_keeps_the_newest_empty_sets() -> None:
    deployment = deploy(1)
    deployment["spec"]["revisionHistoryLimit"] = 1
    old = [rs(f"o{n}", 1 if n == 2 else 0) for n in range(4)]
    for n, each in enumerate(old):
        each["metadata"]["annotations"] = {revisions.REVISION: str(n)}
    assert [meta.name(each) for each in revisions.obsolete(deployment, old)] == ["o0", "o1"]
