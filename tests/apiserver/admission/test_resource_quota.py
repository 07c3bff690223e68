"""ResourceQuotas: what objects count for, what is refused, and the controller's count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from steersman.api import kinds, quota
from steersman.api.errors import Forbidden, ServiceUnavailable
from steersman.controllers.resourcequota import counted_resources, plan_status
from steersman.store.base import StoreUnavailable

if TYPE_CHECKING:
    from steersman.apiserver.server import APIServer
    from steersman.client.rest import Client


def pod(name: str = "p", cpu: str = "", **rest: Any) -> dict[str, Any]:
    resources = {"requests": {"cpu": cpu}} if cpu else {}
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": resources}], **rest},
    }


@pytest.mark.parametrize(
    ("resource", "obj", "used"),
    [
        (kinds.CONFIG_MAPS, {}, "configmaps=1,count/configmaps=1"),
        (kinds.DEPLOYMENTS, {}, "count/deployments.apps=1"),
        (
            kinds.SERVICES,
            {"spec": {"type": "LoadBalancer", "ports": [{"port": 1}, {"port": 2}]}},
            "count/services=1,services=1,services.loadbalancers=1,services.nodeports=2",
        ),
        (
            kinds.PERSISTENT_VOLUME_CLAIMS,
            {"spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}},
            "count/persistentvolumeclaims=1,fast.storageclass.storage.k8s.io/persistentvolumeclaims=1,"
            "fast.storageclass.storage.k8s.io/requests.storage=1Gi,persistentvolumeclaims=1,"
            "requests.storage=1Gi",
        ),
        (kinds.PODS, pod(cpu="500m"), "count/pods=1,cpu=500m,pods=1,requests.cpu=500m"),
        (kinds.PODS, {**pod(cpu="1"), "status": {"phase": "Failed"}}, "count/pods=1"),
    ],
    ids=["config map", "deployment", "balancer", "claim", "pod", "finished pod"],
)
def test_what_an_object_counts_for(resource: Any, obj: dict[str, Any], used: str) -> None:
    assert quota.show(quota.usage(resource, obj)) == used


def test_init_containers_count_where_they_need_more() -> None:
    spec = {
        "containers": [{"resources": {"requests": {"cpu": "1"}}}],
        "initContainers": [
            {"restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}},
            {"resources": {"requests": {"cpu": "4"}}},
        ],
        "overhead": {"cpu": "1"},
    }
    assert quota.pod_total(spec, "requests") == {"cpu": 6}


@pytest.mark.parametrize(
    ("scopes", "made", "within"),
    [
        ({"scopes": ["BestEffort"]}, pod(), True),
        ({"scopes": ["NotBestEffort"]}, pod(), False),
        ({"scopes": ["Terminating"]}, pod(activeDeadlineSeconds=5), True),
        (
            {
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]
                }
            },
            pod(priorityClassName="high"),
            True,
        ),
    ],
    ids=["best effort", "not best effort", "terminating", "priority class"],
)
def test_scopes_choose_pods(scopes: dict[str, Any], made: dict[str, Any], within: bool) -> None:
    assert quota.selected(scopes, kinds.PODS, made) is within


def test_the_controller_counts_what_is_there() -> None:
    given = {"spec": {"hard": {"pods": "5", "requests.cpu": "2", "count/jobs.batch": "1"}}}
    resources = counted_resources(given["spec"]["hard"], kinds.RESOURCES)
    assert set(resources) == {kinds.PODS, kinds.JOBS}
    status = plan_status(given, {kinds.PODS: [pod(cpu="500m"), pod(cpu="1")], kinds.JOBS: []})
    assert status["used"] == {"pods": "2", "requests.cpu": "1500m", "count/jobs.batch": "0"}


async def bounded(client: Client, hard: dict[str, str]) -> None:
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")
    made = await client.create(
        kinds.RESOURCE_QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": hard}}, "default"
    )
    made["status"] = {"hard": hard, "used": dict.fromkeys(hard, "0")}
    await client.update(kinds.RESOURCE_QUOTAS, made, subresource="status")


async def test_a_quota_is_charged_until_it_is_used_up(client: Client) -> None:
    await bounded(client, {"pods": "1"})
    await client.create(kinds.PODS, pod("one"), "default", dry_run=True)
    await client.create(kinds.PODS, pod("one"), "default")
    text = 'pods "two" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
    with pytest.raises(Forbidden, match=text):
        await client.create(kinds.PODS, pod("two"), "default")
    assert (await client.get(kinds.RESOURCE_QUOTAS, "q", "default"))["status"]["used"] == {"pods": "1"}


async def test_what_a_quota_bounds_must_be_stated(client: Client) -> None:
    await bounded(client, {"requests.cpu": "1", "limits.memory": "1Gi"})
    with pytest.raises(
        Forbidden, match=r"failed quota: q: must specify limits\.memory for: c; requests\.cpu for"
    ):
        await client.create(kinds.PODS, pod(), "default")


async def test_a_quota_without_status_refuses_what_it_bounds(client: Client) -> None:
    made = {"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "1"}}}
    await client.create(kinds.RESOURCE_QUOTAS, made, "default")
    with pytest.raises(Forbidden, match="status unknown for quota: q, resources: configmaps"):
        await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": "c"}}, "default")


async def test_a_write_that_is_not_stored_gives_back_its_charge(
    client: Client, apiserver: APIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        made = {"metadata": {"name": name}, "spec": {"hard": {"configmaps": "5"}}}
        await client.create(kinds.RESOURCE_QUOTAS, made, "default")
        status = {"hard": {"configmaps": "5"}, "used": {"configmaps": "1"}}
        await client.patch(
            kinds.RESOURCE_QUOTAS,
            name,
            {"status": status},
            "default",
            subresource="status",
            content_type="application/merge-patch+json",
        )
    store = apiserver.store
    put = store.put

    async def full(key: str, *args: Any, **rest: Any) -> Any:
        if "/configmaps/" in key:
            raise StoreUnavailable("the disk is full")
        return await put(key, *args, **rest)

    monkeypatch.setattr(store, "put", full)
    with pytest.raises(ServiceUnavailable, match="full"):
        await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": "c"}}, "default")
    for name in ("a", "b"):
        found = await client.get(kinds.RESOURCE_QUOTAS, name, "default")
        assert found["status"]["used"] == {"configmaps": "1"}
    monkeypatch.undo()
    await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": "c"}}, "default")
    found = await client.get(kinds.RESOURCE_QUOTAS, "a", "default")
    assert found["status"]["used"] == {"configmaps": "2"}
