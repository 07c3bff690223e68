"""Workloads over a real API server in process: what users see happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.controllers.cluster import deployment, running

from steersman.api import kinds, meta
from steersman.api.errors import NotFound
from steersman.client import STRATEGIC_PATCH

if TYPE_CHECKING:
    from tests.controllers.cluster import Cluster

    from steersman.api.types import Object
    from steersman.client import Client


async def finished(client: Client, name: str = "web") -> Object | None:
    """The Deployment once its rollout is complete, as `kubectl rollout status` sees it."""
    found = await client.get(kinds.DEPLOYMENTS, name, "default")
    status, wanted = found.get("status") or {}, found["spec"]["replicas"]
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    observed = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
    return found if observed and counts == [wanted] * 3 else None


async def events(cluster: Cluster, reason: str) -> list[str]:
    found = await cluster.client.list(kinds.EVENTS, "default")
    return [e["message"] for e in found["items"] if e["reason"] == reason]


async def roll(client: Client, image: str) -> None:
    containers = [{"name": "web", "image": image}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    await client.patch(kinds.DEPLOYMENTS, "web", patch, "default", content_type=STRATEGIC_PATCH)


async def test_a_deployment_becomes_available_and_says_so(client: Client) -> None:
    async with running(client) as cluster:
        cluster.start_kubelet()
        await client.create(kinds.DEPLOYMENTS, deployment())
        found = await cluster.eventually(lambda: finished(client))
        progressing = meta.get_condition(found, "Progressing") or {}
        assert progressing["reason"] == "NewReplicaSetAvailable"
        assert meta.is_condition_true(found, "Available")
        assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
        (rs,) = (await client.list(kinds.REPLICA_SETS, "default"))["items"]
        await cluster.eventually(lambda: events(cluster, "SuccessfulCreate"))
        text = f"Scaled up replica set {meta.name(rs)} from 0 to 3"
        assert await events(cluster, "ScalingReplicaSet") == [text]


async def test_rolling_update_then_undo_numbers_revisions(client: Client) -> None:
    async with running(client) as cluster:
        cluster.start_kubelet()
        await client.create(kinds.DEPLOYMENTS, deployment())
        await cluster.eventually(lambda: finished(client))
        for revision, image in (("2", "web:2"), ("3", "demo.example/web:1")):
            await roll(client, image)

            async def rolled(revision: str = revision) -> Object | None:
                found = await finished(client)
                notes = found["metadata"]["annotations"] if found else {}
                return found if notes.get("deployment.kubernetes.io/revision") == revision else None

            await cluster.eventually(rolled)
        sets = (await client.list(kinds.REPLICA_SETS, "default"))["items"]
        assert len(sets) == 2
        sizes = {
            meta.annotations(rs)["deployment.kubernetes.io/revision"]: rs["spec"]["replicas"] for rs in sets
        }
        assert sizes == {"3": 3, "2": 0}


async def test_deleting_a_deployment_collects_its_sets_and_pods(client: Client) -> None:
    async with running(client) as cluster:
        cluster.start_kubelet()
        await client.create(kinds.DEPLOYMENTS, deployment(replicas=2))
        await cluster.eventually(lambda: finished(client))
        await client.delete(kinds.DEPLOYMENTS, "web", "default")

        async def gone() -> bool:
            sets = (await client.list(kinds.REPLICA_SETS, "default"))["items"]
            return not sets and not await cluster.pods()

        await cluster.eventually(gone)


@pytest.mark.parametrize("policy", ["Foreground", "Orphan"])
async def test_deletion_follows_the_propagation_policy(client: Client, policy: str) -> None:
    async with running(client) as cluster:
        cluster.start_kubelet()
        await client.create(kinds.DEPLOYMENTS, deployment(replicas=2))
        await cluster.eventually(lambda: finished(client))
        await client.delete(kinds.DEPLOYMENTS, "web", "default", propagation_policy=policy)

        async def gone() -> bool:
            try:
                await client.get(kinds.DEPLOYMENTS, "web", "default")
            except NotFound:
                return True
            return False

        await cluster.eventually(gone)
        sets = (await client.list(kinds.REPLICA_SETS, "default"))["items"]
        if policy == "Foreground":
            assert not sets
        else:
            (rs,) = sets
            assert not meta.owner_references(rs)
            assert len(await cluster.pods()) == 2


async def test_a_deleted_pod_is_replaced(client: Client) -> None:
    async with running(client) as cluster:
        cluster.start_kubelet()
        await client.create(kinds.DEPLOYMENTS, deployment(replicas=2))
        await cluster.eventually(lambda: finished(client))
        before = {meta.uid(pod) for pod in await cluster.pods()}
        await client.delete_collection(kinds.PODS, "default", label_selector="app=web")

        async def healed() -> bool:
            uids = {meta.uid(pod) for pod in await cluster.pods()}
            return len(uids) == 2 and not uids & before and await finished(client) is not None

        await cluster.eventually(healed)


async def test_a_service_gets_endpoints_and_a_slice(client: Client) -> None:
    service = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    async with running(client) as cluster:
        cluster.start_kubelet()
        await client.create(kinds.SERVICES, service)
        await client.create(kinds.DEPLOYMENTS, deployment(replicas=2))

        async def both() -> bool:
            endpoints = await client.list(kinds.ENDPOINTS, "default", field_selector="metadata.name=web")
            subsets = [s for e in endpoints["items"] for s in e.get("subsets") or ()]
            slices = await client.list(
                kinds.ENDPOINT_SLICES, "default", label_selector="kubernetes.io/service-name=web"
            )
            ready = [e for s in slices["items"] for e in s.get("endpoints") or () if e["conditions"]["ready"]]
            addresses = [a["ip"] for s in subsets for a in s.get("addresses") or ()]
            return len(ready) == 2 and len(addresses) == 2 and subsets[0]["ports"][0]["port"] == 8080

        await cluster.eventually(both)


async def test_a_deleted_namespace_is_emptied_and_goes(client: Client) -> None:
    async with running(client) as cluster:
        await client.create(kinds.NAMESPACES, {"metadata": {"name": "shop"}})
        await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "shop"}})

        async def provided() -> object:
            accounts = await client.list(kinds.SERVICE_ACCOUNTS, "shop")
            maps = await client.list(kinds.CONFIG_MAPS, "shop")
            return accounts["items"] and len(maps["items"]) == 2

        await cluster.eventually(provided)
        await client.delete(kinds.NAMESPACES, "shop")

        async def gone() -> bool:
            found = await client.list(kinds.NAMESPACES, field_selector="metadata.name=shop")
            return not found["items"]

        await cluster.eventually(gone)
        assert not (await client.list(kinds.CONFIG_MAPS, "shop"))["items"]
