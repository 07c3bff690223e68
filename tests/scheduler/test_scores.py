"""Which of the nodes that will do is taken."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.scheduler.objects import Object, World, node, pod, preferred, spread, taint, term

from steersman.api.labels import selector_from_map
from steersman.scheduler.resources import pod_requests
from steersman.scheduler.terms import PodMatch


def test_the_emptier_node_is_taken() -> None:
    world = World(node("full"), node("empty"), pod(node="full", requests={"cpu": "3", "memory": "6Gi"}))
    assert world.place(pod(requests={"cpu": "100m", "memory": "100Mi"})) == "empty"


def test_the_balanced_node_is_taken() -> None:
    lopsided = pod(node="lopsided", requests={"cpu": "2", "memory": "1Mi"})
    level = pod(node="level", requests={"cpu": "1", "memory": "2Gi"})
    world = World(node("lopsided"), node("level"), lopsided, level)
    assert world.place(pod(requests={"cpu": "100m", "memory": "200Mi"})) == "level"


def test_a_soft_taint_makes_a_node_less_welcome() -> None:
    world = World(node("soft", taints=[taint("x", effect="PreferNoSchedule")]), node("plain"))
    assert world.place(pod()) == "plain"


def test_a_wish_for_a_label_is_granted() -> None:
    wish = {
        "weight": 10,
        "preference": {"matchExpressions": [{"key": "d", "operator": "In", "values": ["s"]}]},
    }
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}
    assert World(node("a"), node("b", labels={"d": "s"})).place(pod(affinity=affinity)) == "b"


def test_the_node_with_the_image_is_taken() -> None:
    has = node("has")
    has["status"]["images"] = [{"names": ["x/y:latest"], "sizeBytes": 800 * 2**20}]
    assert World(node("a"), has).place(pod(image="x/y")) == "has"


ZONES = [node(f"n{i}", labels={"zone": f"z{i % 2}"}) for i in range(4)]


@pytest.mark.parametrize(
    ("affinity", "expected"),
    [
        pytest.param({"podAffinity": preferred(50, term("db"))}, {"n1", "n3"}, id="near"),
        pytest.param({"podAntiAffinity": preferred(50, term("db"))}, {"n0", "n2"}, id="far"),
    ],
)
def test_wishes_about_other_pods(affinity: Object, expected: set[str]) -> None:
    world = World(*ZONES, pod(node="n1", labels={"app": "db"}))
    assert world.place(pod(affinity=affinity)) in expected


def test_placed_pods_have_wishes_too() -> None:
    wishing = pod(node="n1", affinity={"podAffinity": preferred(50, term("web"))})
    assert World(*ZONES, wishing).place(pod(labels={"app": "web"})) in {"n1", "n3"}


def test_soft_spreading_evens_out() -> None:
    world = World(*ZONES)
    soft = [spread("zone", when="ScheduleAnyway"), spread("kubernetes.io/hostname", when="ScheduleAnyway")]
    places = Counter(
        world.place(pod(labels={"app": "web"}, topologySpreadConstraints=soft)) for _ in range(8)
    )
    assert sorted(places.values()) == [2, 2, 2, 2]


def test_siblings_spread_without_being_asked_to() -> None:
    world = World(node("big", cpu="64", memory="256Gi"), node("small1"), node("small2"))
    match = PodMatch(selector_from_map({"app": "web"}), frozenset(("ns",)))
    world.cluster.default_match = lambda template: match
    assert {world.place(pod(labels={"app": "web"})) for _ in range(3)} == {"big", "small1", "small2"}


def test_a_kept_pass_sees_every_change() -> None:
    """Pods of one template one after the other, with changes in between, get what a fresh evaluator gives."""
    world = World(*(node(f"n{i}", cpu="1") for i in range(5)))
    asked: Object = {"requests": {"cpu": "300m", "memory": "64Mi"}}
    places = [world.place(pod(**asked)) for _ in range(15)]
    assert max(Counter(places).values()) == 3
    assert world.place(pod(**asked)) == ""
    world.add(node("late", cpu="1"))
    assert world.place(pod(**asked)) == "late"
    world.cluster.remove_node("late")
    assert world.place(pod(**asked)) == ""
    world.cluster.remove_pod(next(uid for uid, p in world.cluster.pods.items() if p.node == "n3"))
    assert world.place(pod(**asked)) == "n3"


def container(cpu: str, **more: str) -> Object:
    return {"resources": {"requests": {"cpu": cpu}}, **more}


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        pytest.param({"containers": [container("1"), container("500m")]}, 1500, id="containers add up"),
        pytest.param(
            {"containers": [container("1")], "initContainers": [container("3"), container("2")]},
            3000,
            id="init containers run one by one",
        ),
        pytest.param(
            {
                "containers": [container("1")],
                "initContainers": [container("1", restartPolicy="Always"), container("2")],
            },
            3000,
            id="a side-car runs beside later init containers",
        ),
        pytest.param(
            {
                "containers": [container("1")],
                "initContainers": [container("2"), container("1", restartPolicy="Always")],
            },
            2000,
            id="but not beside earlier ones",
        ),
        pytest.param(
            {"containers": [container("1")], "overhead": {"cpu": "250m"}}, 1250, id="overhead comes on top"
        ),
        pytest.param(
            {"containers": [container("1")], "resources": {"requests": {"cpu": "2"}}},
            2000,
            id="the pod's own request",
        ),
    ],
)
def test_what_a_pod_needs(spec: Object, cpu: int) -> None:
    assert pod_requests(spec)["cpu"] == cpu
