from __future__ import annotations

from typing import Any

import pytest
from tests.scheduler.objects import Object, World, node, pod, required, taint, term

from steersman.api.labels import selector_from_map
from steersman.scheduler.passes import Turned
from steersman.scheduler.preemption import Budget, plan_preemption


def holds(name: str, where: str, cpu: str, priority: int = 0, **more: Any) -> Object:
    return pod(name, node=where, requests={"cpu": cpu}, priority=priority, **more)


def plan(world: World, asked: Object, budgets: tuple[Budget, ...] = ()) -> tuple[str, list[str], str]:
    before = {uid: p.node for uid, p in world.cluster.pods.items()}
    turned = world.find(asked)
    assert isinstance(turned, Turned)
    eviction, note = plan_preemption(world.info(asked), turned, world.evaluator, budgets)
    assert {uid: p.node for uid, p in world.cluster.pods.items()} == before
    return (eviction.node, [v.name for v in eviction.victims], note) if eviction else ("", [], note)


VIP = pod("vip", requests={"cpu": "2"}, priority=100)


def test_as_few_as_needed_go_the_least_important_ones() -> None:
    world = World(node("a"), holds("x", "a", "1", 5), holds("y", "a", "1", 7), holds("z", "a", "2", 50))
    assert plan(world, VIP) == ("a", ["y", "x"], "")


def test_the_node_whose_victims_matter_least_is_taken() -> None:
    world = World(node("a"), node("b"), holds("x", "a", "4", 50), holds("y", "b", "4", 5))
    assert plan(world, VIP)[:2] == ("b", ["y"])


def test_budgets_are_spared_where_possible() -> None:
    guarded = holds("x", "a", "4", 1, labels={"app": "db"})
    world = World(node("a"), node("b"), guarded, holds("y", "b", "4", 5))
    budget = Budget("ns", selector_from_map({"app": "db"}), 0)
    assert plan(world, VIP, (budget,))[:2] == ("b", ["y"])


def test_whom_the_pod_cannot_stand_goes() -> None:
    world = World(node("a"), holds("x", "a", "1", 5, labels={"app": "db"}), holds("y", "a", "1", 5))
    hostile = pod(
        "vip", priority=9, affinity={"podAntiAffinity": required(term("db", "kubernetes.io/hostname"))}
    )
    assert plan(world, hostile)[:2] == ("a", ["x"])


@pytest.mark.parametrize(
    ("objects", "asked", "note"),
    [
        pytest.param(
            [node("a"), holds("x", "a", "4", 100)],
            VIP,
            "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
            id="equals are left alone",
        ),
        pytest.param(
            [node("a", taints=[taint("k")]), node("b", cpu="1")],
            VIP,
            "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
            id="nobody is in the way",
        ),
        pytest.param(
            [node("a"), holds("x", "a", "4", 1)],
            pod("vip", requests={"cpu": "2"}, priority=100, preemptionPolicy="Never"),
            "preemption: not eligible due to preemptionPolicy=Never.",
            id="a pod that must not",
        ),
        pytest.param(
            [node("a"), holds("x", "a", "3", 100), holds("y", "a", "1", 1)],
            VIP,
            "preemption: 0/1 nodes are available: 1 Insufficient cpu.",
            id="not enough would be freed",
        ),
    ],
)
def test_why_there_is_nobody_to_evict(objects: list[Object], asked: Object, note: str) -> None:
    assert plan(World(*objects), asked) == ("", [], note)
