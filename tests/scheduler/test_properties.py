"""Whatever happens in whatever order: sums stay right, and what is kept equals a fresh look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scheduler.objects import Object, World, node, pod, preferred, required, spread, taint, term

from steersman.scheduler.passes import Evaluator, Found

if TYPE_CHECKING:
    from steersman.scheduler.cluster import Cluster

NODES = [f"n{i}" for i in range(5)]

nodes = st.builds(
    lambda name, zone, cpu, tainted, cordoned: node(
        name,
        labels={"zone": zone} if zone else {},
        cpu=str(cpu),
        taints=[taint("k", effect=tainted)] if tainted else [],
        cordoned=cordoned,
    ),
    st.sampled_from(NODES),
    st.sampled_from(["", "z0", "z1"]),
    st.integers(1, 3),
    st.sampled_from(["", "NoSchedule", "PreferNoSchedule"]),
    st.booleans(),
)
features: list[Object] = [
    {},
    {"nodeSelector": {"zone": "z1"}},
    {"tolerations": [{"operator": "Exists"}]},
    {"affinity": {"podAffinity": required(term("b"))}},
    {"affinity": {"podAntiAffinity": required(term("a", "kubernetes.io/hostname"))}},
    {"affinity": {"podAffinity": preferred(7, term("a"))}},
    {"affinity": {"podAntiAffinity": preferred(3, term("b"))}},
    {"topologySpreadConstraints": [spread("zone", app="a")]},
    {"topologySpreadConstraints": [spread("zone", app="b", when="ScheduleAnyway")]},
    {"ports": [{"containerPort": 80, "hostPort": 80}]},
]
kinds = st.builds(
    lambda app, cpu, feature: {"labels": {"app": app}, "requests": {"cpu": f"{cpu}m"}, **feature},
    st.sampled_from("ab"),
    st.sampled_from([0, 200, 700]),
    st.sampled_from(features),
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("node"), nodes),
        st.tuples(st.just("drop"), st.sampled_from(NODES)),
        st.tuples(st.just("pod"), kinds),
        st.tuples(st.just("force"), st.tuples(kinds, st.sampled_from(NODES))),
        st.tuples(st.just("end"), st.integers(0, 30)),
    ),
    max_size=25,
)


def rebuilt(world: World) -> World:
    """The same nodes and pods, taken in anew, in the same rows."""
    fresh = World()
    for name in world.cluster.names:
        fresh.cluster._row(name)
    for known in world.cluster.nodes:
        if known is not None:
            fresh.cluster.set_node(known)
    for info in world.cluster.pods.values():
        fresh.cluster.add_pod(info)
    return fresh


def totals(cluster: Cluster) -> dict[str, dict[str, int]]:
    return {
        name: {
            r: int(cluster.requested[i, row])
            for r, i in cluster.resource.items()
            if cluster.requested[i, row]
        }
        for name, row in cluster.row_of.items()
        if cluster.pods_on[row]
    }


@settings(max_examples=60, deadline=None)
@given(steps)
def test_deltas_and_kept_passes_equal_a_fresh_look(history: list[tuple[str, Any]]) -> None:
    world, last = World(), pod("probe")
    for serial, (what, value) in enumerate(history):
        if what == "node":
            world.cluster.set_node(value)
        elif what == "drop":
            world.cluster.remove_node(value)
        elif what == "end" and world.cluster.pods:
            world.cluster.remove_pod(sorted(world.cluster.pods)[value % len(world.cluster.pods)])
        elif what == "pod":
            last = pod(f"p{serial}", **value)
            world.place(last)
        elif what == "force":
            world.cluster.add_pod(world.info(pod(f"p{serial}", node=value[1], **value[0])))
        fresh = rebuilt(world)
        assert totals(world.cluster) == totals(fresh.cluster)
        found, expected = world.find(last), fresh.find(last)
        assert isinstance(found, Found) == isinstance(expected, Found)
        if isinstance(found, Found):
            assert world.evaluator.fits(world.info(last).template, world.cluster.row_of[found.node])
            assert best(world.evaluator, world, last) == best(fresh.evaluator, fresh, last)


def best(evaluator: Evaluator, world: World, asked: Object) -> set[str]:
    """Every node that could be taken: those of equal, highest score."""
    template, names = world.info(asked).template, set()
    for i in range(len(NODES)):
        evaluator._choose = lambda count, i=i: i % count  # type: ignore[misc]
        found = evaluator.find(template)
        assert isinstance(found, Found)
        names.add(found.node)
    return names


def test_many_nodes_grow_the_arrays() -> None:
    world = World(*(node(f"n{i:03}", labels={"zone": f"z{i % 3}"}) for i in range(60)))
    asked: Object = {"labels": {"app": "web"}, "topologySpreadConstraints": [spread("zone")]}
    assert world.place(pod(**asked))
    for i in range(60, 300):
        world.add(node(f"n{i:03}", labels={"zone": f"z{i % 3}"}))
    places = [world.place(pod(**asked)) for _ in range(11)]
    assert all(places)
    zones = np.bincount([int(p.node[1:]) % 3 for p in world.cluster.pods.values()])
    assert zones.tolist() == [4, 4, 4]


def test_rows_are_used_again() -> None:
    world = World(node("a"), pod(node="a"))
    world.cluster.remove_node("a")
    world.cluster.remove_pod(next(iter(world.cluster.pods)))
    world.add(node("b"))
    assert world.cluster.rows == 1
    assert world.place(pod()) == "b"
