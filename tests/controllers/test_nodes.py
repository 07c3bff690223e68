"""Lost nodes: conditions, taints, evictions, and how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.controllers.cluster import IMAGE, running

from steersman.api import kinds, meta
from steersman.api.times import rfc3339, rfc3339_micro
from steersman.controllers import ControllerManagerConfig
from steersman.controllers.node_ipam import Pool
from steersman.controllers.node_lifecycle import plan
from steersman.controllers.pod_gc import plan_garbage
from steersman.controllers.taint_eviction import plan_eviction
from steersman.runtime.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from steersman.api.types import Object
    from steersman.client import Client

NOW = 1_767_225_600.0


def node(name: str = "n", ready: str = "True", taints: tuple[Object, ...] = (), **spec: object) -> Object:
    conditions = [{"type": "Ready", "status": ready, "lastHeartbeatTime": rfc3339(NOW)}]
    return {
        "metadata": {"name": name, "uid": name, "creationTimestamp": rfc3339(NOW)},
        "spec": {"taints": list(taints), **spec},
        "status": {"conditions": conditions},
    }


def taint(key: str, effect: str) -> Object:
    return {"key": f"node.kubernetes.io/{key}", "effect": effect}


def names(taints: list[Object] | None) -> list[str] | None:
    if taints is None:
        return None
    return [f"{t['key'].rpartition('/')[2]}:{t['effect']}" for t in taints]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(node(), None, id="healthy"),
        pytest.param(node(ready="False"), ["not-ready:NoSchedule"], id="not ready"),
        pytest.param(node(ready="Unknown"), ["unreachable:NoSchedule"], id="lost"),
        pytest.param(node(unschedulable=True), ["unschedulable:NoSchedule"], id="cordoned"),
        pytest.param(
            node(taints=(taint("unreachable", "NoSchedule"), taint("own", "NoSchedule"))),
            ["own:NoSchedule"],
            id="well again, other taints stay",
        ),
    ],
)
def test_taints_that_keep_pods_away(found: Object, expected: list[str] | None) -> None:
    assert names(plan.plan_schedule_taints(found, NOW)) == expected


@pytest.mark.parametrize(
    ("lost", "total", "rate"),
    [(0, 1, 0.1), (1, 1, 0.0), (1, 3, 0.1), (3, 4, 0.0), (60, 100, 0.01), (10, 100, 0.1)],
)
def test_many_lost_nodes_slow_evictions_down(lost: int, total: int, rate: float) -> None:
    nodes = [node(str(n), "Unknown" if n < lost else "True") for n in range(total)]
    assert plan.eviction_rate(nodes, 0.1) == rate


EXECUTE = taint("unreachable", "NoExecute") | {"timeAdded": rfc3339(NOW - 100)}


@pytest.mark.parametrize(
    ("tolerations", "taints", "expected"),
    [
        pytest.param([], [EXECUTE], NOW, id="not tolerated: at once"),
        pytest.param([{"operator": "Exists"}], [EXECUTE], None, id="tolerated for ever"),
        pytest.param(
            [{"key": EXECUTE["key"], "operator": "Exists", "tolerationSeconds": 300}],
            [EXECUTE],
            NOW + 200,
            id="tolerated for a time, from when the taint was put",
        ),
        pytest.param([{"key": "other", "operator": "Exists"}], [EXECUTE], NOW, id="another key"),
        pytest.param([], [], None, id="no taint"),
    ],
)
def test_when_a_pod_must_go(tolerations: list[Object], taints: list[Object], expected: float | None) -> None:
    assert plan_eviction(tolerations, taints, NOW) == expected


def test_pod_networks_are_given_once_and_not_reused_at_once() -> None:
    pool = Pool("10.244.0.0/22", 24)
    assert [pool.allocate("a"), pool.allocate("b")] == ["10.244.0.0/24", "10.244.1.0/24"]
    pool.release("10.244.0.0/24", "a")
    assert [pool.allocate(n) for n in "cdef"] == ["10.244.2.0/24", "10.244.3.0/24", "10.244.0.0/24", None]


def test_garbage_pods() -> None:
    def pod(name: str, node_name: str = "", phase: str = "Running", deleting: bool = False) -> Object:
        metadata: Object = {"name": name, "creationTimestamp": name}
        if deleting:
            metadata["deletionTimestamp"] = rfc3339(NOW)
        return {"metadata": metadata, "spec": {"nodeName": node_name}, "status": {"phase": phase}}

    pods = [
        pod("a", "gone"),
        pod("b", "n"),
        pod("c", deleting=True),
        pod("d", "dead", deleting=True),
        pod("e", "n", "Failed"),
        pod("f", "n", "Succeeded"),
    ]
    found = plan_garbage(pods, {"n", "dead"}, {"dead"}, 1)
    assert [meta.name(g.pod) for g in found] == ["a", "c", "d", "e"]


async def test_a_silent_node_is_lost_and_its_pods_evicted(client: Client) -> None:
    clock = FakeClock()
    lease = {
        "metadata": {"name": "one", "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": "one", "renewTime": rfc3339_micro(clock.time())},
    }
    names = ("node-lifecycle-controller", "taint-eviction-controller", "node-ipam-controller")
    config = ControllerManagerConfig(controllers=names)
    for name in ("one", "two"):
        made = await client.create(kinds.NODES, {"metadata": {"name": name}})
        status = {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]}
        await client.update(kinds.NODES, made | {"status": status}, subresource="status")
    await client.create(kinds.LEASES, lease)
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default", "namespace": "default"}})
    spec = {"nodeName": "one", "containers": [{"name": "c", "image": IMAGE}]}
    await client.create(kinds.PODS, {"metadata": {"name": "p", "namespace": "default"}, "spec": spec})
    async with running(client, clock=clock, config=config) as cluster:

        async def beat() -> None:
            patch = {
                "status": {"conditions": [{"type": "Ready", "lastHeartbeatTime": rfc3339(clock.time())}]}
            }
            kind = "application/strategic-merge-patch+json"
            await client.patch(kinds.NODES, "two", patch, content_type=kind, subresource="status")

        async def ready(name: str) -> str:
            return str((meta.get_condition(await client.get(kinds.NODES, name), "Ready") or {})["status"])

        async def passes(seconds: int) -> None:
            for _ in range(seconds // 5):
                await beat()
                await clock.run_for(5)
                await clock.settle(50)

        async def has_network() -> object:
            return (await client.get(kinds.NODES, "one"))["spec"].get("podCIDR")

        await cluster.eventually(has_network)
        await passes(60)
        await cluster.eventually(lambda: _is(ready("one"), "Unknown"))
        assert await ready("two") == "True"

        async def tainted() -> bool:
            await passes(5)
            taints = (await client.get(kinds.NODES, "one"))["spec"].get("taints") or []
            return {t["effect"] for t in taints} == {"NoSchedule", "NoExecute"}

        await cluster.eventually(tainted)

        async def evicted() -> bool:
            await passes(60)
            found = (await client.list(kinds.PODS, "default"))["items"]
            return not found or all(meta.deleting(p) for p in found)

        await cluster.eventually(evicted)


async def _is(question: Awaitable[str], expected: str) -> bool:
    return await question == expected
