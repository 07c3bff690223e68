"""PodDisruptionBudgets: what they allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.controllers.cluster import deployment, running

from steersman.api import kinds, meta
from steersman.controllers.disruption import Expected, plan_status
from steersman.controllers.endpointslice_mirroring import plan_mirror

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client import Client

NOW = 1_767_225_600.0


def pod(number: int, ready: bool = True) -> Object:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {"metadata": {"name": f"p{number}"}, "status": {"phase": "Running", "conditions": conditions}}


@pytest.mark.parametrize(
    ("spec", "ready", "expected", "allowed"),
    [
        ({"minAvailable": 2}, 3, 3, 1),
        ({"minAvailable": "50%"}, 3, 5, 0),
        ({"maxUnavailable": 1}, 3, 3, 1),
        ({"maxUnavailable": 1}, 2, 3, 0),
        ({"maxUnavailable": "34%"}, 3, 3, 2),
        ({"maxUnavailable": 0}, 3, 3, 0),
        ({"minAvailable": 0}, 0, 0, 0),
    ],
)
def test_how_many_may_go(spec: Object, ready: int, expected: int, allowed: int) -> None:
    budget = {"metadata": {"name": "b", "generation": 1}, "spec": spec}
    status = plan_status(budget, [pod(n, n < ready) for n in range(3)], Expected(expected), NOW)
    assert status["disruptionsAllowed"] == allowed


async def test_a_budget_follows_its_deployment(client: Client) -> None:
    budget = {
        "metadata": {"name": "b", "namespace": "default"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }
    async with running(client) as cluster:
        cluster.start_kubelet()
        await client.create(kinds.POD_DISRUPTION_BUDGETS, budget)
        await client.create(kinds.DEPLOYMENTS, deployment(replicas=3))

        async def allows() -> bool:
            status = (await client.get(kinds.POD_DISRUPTION_BUDGETS, "b", "default")).get("status") or {}
            return (status.get("expectedPods"), status.get("disruptionsAllowed")) == (3, 1)

        await cluster.eventually(allows)


async def test_endpoints_of_a_service_without_selector_are_mirrored(client: Client) -> None:
    metadata = {"name": "db", "namespace": "default"}
    endpoints = {
        "metadata": metadata,
        "subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 5432, "protocol": "TCP"}]}],
    }
    async with running(client) as cluster:
        await client.create(kinds.SERVICES, {"metadata": metadata, "spec": {"ports": [{"port": 5432}]}})
        await client.create(kinds.ENDPOINTS, endpoints)

        async def mirrored(address: str) -> bool:
            found = await client.list(kinds.ENDPOINT_SLICES, "default")
            mine = [s for s in found["items"] if meta.labels(s).get("kubernetes.io/service-name") == "db"]
            return [e["addresses"] for s in mine for e in s["endpoints"]] == [[address]]

        await cluster.eventually(lambda: mirrored("192.0.2.1"))
        patch = {
            "subsets": [{"addresses": [{"ip": "192.0.2.2"}], "ports": [{"port": 5432, "protocol": "TCP"}]}]
        }
        await client.patch(kinds.ENDPOINTS, "db", patch, "default")
        await cluster.eventually(lambda: mirrored("192.0.2.2"))
        await client.delete(kinds.ENDPOINTS, "db", "default")

        async def gone() -> bool:
            found = await client.list(kinds.ENDPOINT_SLICES, "default")
            return not [s for s in found["items"] if meta.labels(s).get("kubernetes.io/service-name") == "db"]

        await cluster.eventually(gone)


def test_both_families_are_mirrored_apart() -> None:
    addresses = [{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}]
    endpoints = {
        "metadata": {"name": "e", "namespace": "d", "uid": "e"},
        "subsets": [{"addresses": addresses}],
    }
    assert [s["addressType"] for s in plan_mirror(endpoints)] == ["IPv4", "IPv6"]
