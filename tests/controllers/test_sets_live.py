"""StatefulSets, DaemonSets, Jobs and CronJobs over a real API server in process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.controllers.cluster import IMAGE, running

from steersman.api import kinds, meta
from steersman.api.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.controllers.cluster import Cluster

    from steersman.api.kinds import Resource
    from steersman.api.types import Object
    from steersman.client import Client

LABELS = {"app": "web"}


def workload(template_spec: Object | None = None, **spec: object) -> Object:
    pod = {"containers": [{"name": "web", "image": IMAGE}]} | (template_spec or {})
    template = {"metadata": {"labels": LABELS}, "spec": pod}
    return {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": LABELS}, "template": template, **spec},
    }


def has(client: Client, resource: Resource, **expected: object) -> Callable[[], Awaitable[Object | None]]:
    """A question: the object `web` once its status says all that is expected."""

    async def ask() -> Object | None:
        found = await client.get(resource, "web", "default")
        status = found.get("status") or {}
        observed = status.get("observedGeneration", 0) >= found["metadata"].get("generation", 0)
        right = all(status.get(key, 0) == value for key, value in expected.items())
        return found if right and (observed or resource is kinds.JOBS) else None

    return ask


async def change_image(client: Client, resource: Resource) -> None:
    path = "/spec/template/spec/containers/0/image"
    patch = [{"op": "replace", "path": path, "value": "demo.example/web:2"}]
    await client.patch(resource, "web", patch, "default", content_type="application/json-patch+json")


async def add_nodes(client: Client, *names: str) -> None:
    for name in names:
        made = await client.create(kinds.NODES, {"metadata": {"name": name}})
        ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": rfc3339(1_767_225_600)}
        await client.update(kinds.NODES, made | {"status": {"conditions": [ready]}}, subresource="status")


async def names(cluster: Cluster) -> list[str]:
    return sorted(meta.name(pod) for pod in await cluster.pods())


async def test_a_stateful_set_starts_updates_and_shrinks_in_order(client: Client) -> None:
    async with running(client) as cluster:
        cluster.start_kubelet()
        await client.create(kinds.STATEFUL_SETS, workload(replicas=3, serviceName="web"))
        await cluster.eventually(has(client, kinds.STATEFUL_SETS, readyReplicas=3, updatedReplicas=3))
        found = sorted(await cluster.pods(), key=meta.name)
        assert await names(cluster) == ["web-0", "web-1", "web-2"]
        versions = [
            int(pod["metadata"]["creationTimestamp"] and pod["metadata"]["generation"]) for pod in found
        ]
        assert versions == [1, 1, 1]
        assert found[1]["spec"]["hostname"] == "web-1"
        assert meta.labels(found[1])["apps.kubernetes.io/pod-index"] == "1"
        await change_image(client, kinds.STATEFUL_SETS)

        async def updated() -> bool:
            done = await has(client, kinds.STATEFUL_SETS, readyReplicas=3, updatedReplicas=3)()
            status = (done or {}).get("status") or {}
            images = {pod["spec"]["containers"][0]["image"] for pod in await cluster.pods()}
            settled = status.get("currentRevision") == status.get("updateRevision")
            return bool(done) and settled and images == {"demo.example/web:2"}

        await cluster.eventually(updated)
        revisions = (await client.list(kinds.CONTROLLER_REVISIONS, "default"))["items"]
        assert sorted(r["revision"] for r in revisions) == [1, 2]
        await client.patch(kinds.STATEFUL_SETS, "web", {"spec": {"replicas": 1}}, "default")
        await cluster.eventually(has(client, kinds.STATEFUL_SETS, replicas=1))
        assert await names(cluster) == ["web-0"]


async def test_a_daemon_set_covers_nodes_that_fit_and_rolls(client: Client) -> None:
    async with running(client) as cluster:
        cluster.start_kubelet()
        await add_nodes(client, "a", "b")
        await client.create(kinds.DAEMON_SETS, workload())
        await cluster.eventually(
            has(client, kinds.DAEMON_SETS, desiredNumberScheduled=2, numberAvailable=2, numberReady=2)
        )
        await add_nodes(client, "c")
        await cluster.eventually(has(client, kinds.DAEMON_SETS, desiredNumberScheduled=3, numberAvailable=3))
        await change_image(client, kinds.DAEMON_SETS)
        await cluster.eventually(
            has(client, kinds.DAEMON_SETS, updatedNumberScheduled=3, numberAvailable=3, numberReady=3)
        )
        await client.patch(kinds.NODES, "c", {"spec": {"taints": [{"key": "x", "effect": "NoExecute"}]}})
        await cluster.eventually(has(client, kinds.DAEMON_SETS, desiredNumberScheduled=2))

        async def two() -> bool:
            return len(await cluster.pods()) == 2

        await cluster.eventually(two)


async def end_pods(cluster: Cluster, phase: str, at_most: int = 100) -> int:
    """Let running pods end."""
    ended = 0
    for pod in await cluster.pods():
        if (pod.get("status") or {}).get("phase") == "Running" and ended < at_most:
            status = pod["status"] | {"phase": phase, "conditions": []}
            await cluster.client.update(kinds.PODS, pod | {"status": status}, subresource="status")
            ended += 1
    return ended


@pytest.mark.parametrize("mode", ["NonIndexed", "Indexed"])
async def test_a_job_runs_to_completion(client: Client, mode: str) -> None:
    job = workload({"restartPolicy": "Never"}, completions=5, parallelism=2, completionMode=mode)
    del job["spec"]["selector"]
    async with running(client) as cluster:
        cluster.start_kubelet()
        await client.create(kinds.JOBS, job)

        async def complete() -> Object | None:
            await end_pods(cluster, "Succeeded")
            found = await client.get(kinds.JOBS, "web", "default")
            return found if meta.is_condition_true(found, "Complete") else None

        found = await cluster.eventually(complete)
        status = found["status"]
        assert status["succeeded"] == 5
        assert status.get("active", 0) == 0
        assert status["completionTime"]
        assert status.get("uncountedTerminatedPods", {}) == {}
        pods = await cluster.pods()
        assert len(pods) == 5
        assert not any(pod["metadata"].get("finalizers") for pod in pods)
        if mode == "Indexed":
            assert status["completedIndexes"] == "0-4"


async def test_a_job_that_keeps_failing_gives_up(client: Client) -> None:
    job = workload({"restartPolicy": "Never"}, backoffLimit=0)
    del job["spec"]["selector"]
    async with running(client) as cluster:
        cluster.start_kubelet()
        await client.create(kinds.JOBS, job)

        async def failed() -> Object | None:
            await end_pods(cluster, "Failed")
            found = await client.get(kinds.JOBS, "web", "default")
            return found if meta.is_condition_true(found, "Failed") else None

        found = await cluster.eventually(failed)
        condition = meta.get_condition(found, "Failed") or {}
        assert condition["reason"] == "BackoffLimitExceeded"
        assert found["status"]["failed"] == 1


async def test_a_deleted_job_takes_its_pods_along(client: Client) -> None:
    job = workload({"restartPolicy": "Never"})
    del job["spec"]["selector"]
    async with running(client) as cluster:
        cluster.start_kubelet()
        await client.create(kinds.JOBS, job)
        await cluster.eventually(has(client, kinds.JOBS, active=1))
        await client.delete(kinds.JOBS, "web", "default", propagation_policy="Background")

        async def none() -> bool:
            return not await cluster.pods()

        await cluster.eventually(none)


async def test_a_replication_controller_keeps_its_pods(client: Client) -> None:
    owner = workload(replicas=2)
    owner["spec"]["selector"] = LABELS
    async with running(client) as cluster:
        cluster.start_kubelet()
        await client.create(kinds.REPLICATION_CONTROLLERS, owner)
        await cluster.eventually(has(client, kinds.REPLICATION_CONTROLLERS, readyReplicas=2))
