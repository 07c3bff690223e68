"""Where a pod may go, and what is said when it may go nowhere."""

from __future__ import annotations

import pytest
from tests.scheduler.objects import Object, World, node, pod, required, spread, taint, term

from steersman.scheduler.diagnosis import why_not
from steersman.scheduler.passes import Found, Turned

ZONES = [node(f"n{i}", labels={"zone": f"z{i % 2}"}) for i in range(4)]


def allowed(world: World, obj: Object) -> set[str]:
    """Every node the pod may go to; `find` has to agree that there is one."""
    template, rows = world.info(obj).template, world.cluster.row_of
    names = {name for name, row in rows.items() if world.evaluator.fits(template, row)}
    found = world.find(obj)
    assert found.node in names if isinstance(found, Found) else not names
    return names


def needs(key: str, operator: str, *values: str) -> Object:
    expression = {"key": key, "operator": operator, "values": list(values)}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}  # fmt: skip


GPU: Object = {"example.com/gpu": "1"}
TAINTED = [
    node("free"),
    node("t", taints=[taint("gpu", "yes")]),
    node("e", taints=[taint("old", effect="NoExecute")]),
]
LABELLED = [
    node("a", labels={"disk": "ssd", "gen": "3"}),
    node("b", labels={"disk": "hdd", "gen": "10"}),
    node("c"),
]


@pytest.mark.parametrize(
    ("objects", "asked", "expected"),
    [
        pytest.param(TAINTED, pod(), {"free"}, id="a taint keeps pods away"),
        pytest.param(
            TAINTED,
            pod(tolerations=[{"operator": "Exists"}]),
            {"free", "t", "e"},
            id="everything is tolerated",
        ),
        pytest.param(
            TAINTED,
            pod(tolerations=[{"key": "gpu", "value": "yes"}]),
            {"free", "t"},
            id="one value is tolerated",
        ),
        pytest.param(
            TAINTED, pod(tolerations=[{"key": "gpu", "value": "no"}]), {"free"}, id="another value is not"
        ),
        pytest.param(
            TAINTED,
            pod(tolerations=[{"key": "old", "operator": "Exists", "effect": "NoSchedule"}]),
            {"free"},
            id="a toleration of another effect does not help",
        ),
        pytest.param([node("a", cordoned=True), node("b")], pod(), {"b"}, id="a cordoned node takes nothing"),
        pytest.param(LABELLED, pod(nodeSelector={"disk": "ssd"}), {"a"}, id="a selector asks for a label"),
        pytest.param(LABELLED, pod(affinity=needs("disk", "In", "ssd", "hdd")), {"a", "b"}, id="In"),
        pytest.param(LABELLED, pod(affinity=needs("disk", "NotIn", "ssd")), {"b", "c"}, id="NotIn"),
        pytest.param(LABELLED, pod(affinity=needs("disk", "Exists")), {"a", "b"}, id="Exists"),
        pytest.param(LABELLED, pod(affinity=needs("disk", "DoesNotExist")), {"c"}, id="DoesNotExist"),
        pytest.param(LABELLED, pod(affinity=needs("gen", "Gt", "5")), {"b"}, id="Gt compares numbers"),
        pytest.param(LABELLED, pod(affinity=needs("gen", "Lt", "5")), {"a"}, id="Lt compares numbers"),
        pytest.param(
            [node("a", cpu="1"), node("b", cpu="2")],
            pod(requests={"cpu": "1500m"}),
            {"b"},
            id="it has to fit",
        ),
        pytest.param(
            [node("a"), node("b", **GPU)],
            pod(requests=GPU),
            {"b"},
            id="extended resources count",
        ),
        pytest.param(
            [node("a"), node("b"), pod(node="a", ports=[{"containerPort": 80, "hostPort": 80}])],
            pod(ports=[{"containerPort": 80, "hostPort": 80}]),
            {"b"},
            id="a host port is taken once",
        ),
        pytest.param(
            [node("a"), pod(node="a", ports=[{"containerPort": 80, "hostPort": 80, "hostIP": "10.0.0.1"}])],
            pod(ports=[{"containerPort": 80, "hostPort": 80, "hostIP": "10.0.0.2"}]),
            {"a"},
            id="a host port of another address is free",
        ),
    ],
)
def test_nodes_a_pod_may_go_to(objects: list[Object], asked: Object, expected: set[str]) -> None:
    assert allowed(World(*objects), asked) == expected


APP = {"app": "web"}


@pytest.mark.parametrize(
    ("placed", "asked", "expected"),
    [
        pytest.param(
            [pod(node="n0", labels={"app": "db"})],
            pod(affinity={"podAffinity": required(term("db"))}),
            {"n0", "n2"},
            id="affinity leads into the domain",
        ),
        pytest.param(
            [], pod(affinity={"podAffinity": required(term("db"))}), set(), id="nobody to be near to"
        ),
        pytest.param(
            [],
            pod(labels=APP, affinity={"podAffinity": required(term("web"))}),
            {"n0", "n1", "n2", "n3"},
            id="the first of its kind is let through",
        ),
        pytest.param(
            [pod(node="n0", labels={"app": "db"})],
            pod(affinity={"podAntiAffinity": required(term("db"))}),
            {"n1", "n3"},
            id="anti-affinity leads out of the domain",
        ),
        pytest.param(
            [pod(node="n1", affinity={"podAntiAffinity": required(term("web"))})],
            pod(labels=APP),
            {"n0", "n2"},
            id="placed pods keep others away",
        ),
        pytest.param(
            [pod(node="n0", labels={"app": "db"}, namespace="other")],
            pod(affinity={"podAffinity": required(term("db"))}),
            set(),
            id="terms speak of the pod's own namespace",
        ),
        pytest.param(
            [pod(node="n0", labels={"app": "db"}, namespace="other")],
            pod(
                affinity={
                    "podAffinity": required(term("db", namespaceSelector={"matchLabels": {"team": "b"}}))
                }
            ),
            {"n0", "n2"},
            id="or of namespaces with certain labels",
        ),
        pytest.param(
            [pod(node="n0", labels=APP)],
            pod(labels=APP, topologySpreadConstraints=[spread("zone")]),
            {"n1", "n3"},
            id="spreading evens out",
        ),
        pytest.param(
            [pod(node="n0", labels=APP)],
            pod(labels=APP, topologySpreadConstraints=[spread("zone", 2)]),
            {"n0", "n1", "n2", "n3"},
            id="up to the skew",
        ),
        pytest.param(
            [pod(node="n0", labels=APP)],
            pod(labels=APP, topologySpreadConstraints=[spread("zone", minDomains=3)]),
            {"n1", "n3"},
            id="too few domains count as an empty one",
        ),
        pytest.param(
            [pod(node="n0", labels=APP), pod(node="n1", labels=APP)],
            pod(labels=APP, nodeSelector={"zone": "z0"}, topologySpreadConstraints=[spread("zone")]),
            {"n0", "n2"},
            id="domains the pod cannot reach do not count",
        ),
        pytest.param(
            [pod(node="n0", labels={**APP, "v": "1"}), pod(node="n1", labels={**APP, "v": "2"})],
            pod(labels={**APP, "v": "2"}, topologySpreadConstraints=[spread("zone", matchLabelKeys=["v"])]),
            {"n0", "n2"},
            id="label keys narrow the siblings",
        ),
    ],
)
def test_pods_attract_and_repel(placed: list[Object], asked: Object, expected: set[str]) -> None:
    assert allowed(World(*ZONES, *placed), asked) == expected


@pytest.mark.parametrize(
    ("objects", "asked", "message"),
    [
        pytest.param([], pod(), "no nodes available to schedule pods", id="there are no nodes"),
        pytest.param(
            [node("a", taints=[taint("k", "v")]), node("b", cpu="1"), node("c", cpu="1")],
            pod(requests={"cpu": "2"}),
            "0/3 nodes are available: 1 node(s) had untolerated taint {k: v}, 2 Insufficient cpu.",
            id="a taint and little cpu",
        ),
        pytest.param(
            [node("a", cpu="1", memory="1Gi", pods="0")],
            pod(requests={"cpu": "2", "memory": "2Gi"}),
            "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 Too many pods.",
            id="every resource that is short",
        ),
        pytest.param(
            [node("a", cordoned=True), node("b")],
            pod(nodeSelector={"x": "y"}),
            "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, "
            "1 node(s) were unschedulable.",
            id="each node has its first reason",
        ),
        pytest.param(
            ZONES,
            pod(affinity={"podAffinity": required(term("db"))}),
            "0/4 nodes are available: 4 node(s) didn't match pod affinity rules.",
            id="nobody to be near to",
        ),
        pytest.param(
            [node("a")],
            pod(labels=APP, topologySpreadConstraints=[spread("zone")]),
            "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints "
            "(missing required label).",
            id="no such label",
        ),
    ],
)
def test_what_is_said(objects: list[Object], asked: Object, message: str) -> None:
    turned = World(*objects).find(asked)
    assert isinstance(turned, Turned)
    assert why_not(turned) == message
