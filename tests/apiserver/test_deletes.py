"""Delete: at once, with grace, with finalizers, in collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.apiserver.objects import config_map, make, names

from steersman.api import kinds
from steersman.api.errors import Conflict, NotFound, TooManyRequests
from steersman.apiserver.generic.delete import plan_deletion
from steersman.apiserver.generic.options import DeleteOptions
from steersman.apiserver.registry import strategy_for
from steersman.apiserver.registry.strategy import Context

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.rest import Client

NOW = 1_800_000_000.0


def pod(phase: str = "Running", *, node: str = "n1", **metadata: object) -> Object:
    spec = {"nodeName": node, "terminationGracePeriodSeconds": 30, "containers": []}
    meta = {"name": "p", "namespace": "default", "uid": "u", **metadata}
    return {"metadata": meta, "spec": spec, "status": {"phase": phase}}


def plan(obj: Object, **options: object) -> Object | str:
    """Return the marked object's metadata, "removed" or "unchanged"."""
    context = Context(resource=kinds.PODS, now=NOW)
    decided = plan_deletion(strategy_for(kinds.PODS), context, obj, DeleteOptions(**options))  # type: ignore[arg-type]
    if decided.remove:
        return "removed"
    return decided.marked["metadata"] if decided.marked is not None else "unchanged"


def test_a_running_pod_gets_its_grace_period() -> None:
    marked = plan(pod())
    assert isinstance(marked, dict)
    assert marked["deletionGracePeriodSeconds"] == 30
    assert marked["deletionTimestamp"] == "2027-01-15T08:00:30Z"


GOING: Object = {"deletionTimestamp": "2027-01-15T08:00:30Z", "deletionGracePeriodSeconds": 30}


@pytest.mark.parametrize(
    ("obj", "options"),
    [
        pytest.param(pod(), {"grace_period_seconds": 0}, id="no grace asked for"),
        pytest.param(pod("Succeeded"), {}, id="it is over"),
        pytest.param(pod("Pending", node=""), {}, id="it is on no node"),
        pytest.param(pod(**GOING), {"grace_period_seconds": 0}, id="the kubelet says it is over"),
    ],
)
def test_a_pod_goes_at_once_when(obj: Object, options: Object) -> None:
    assert plan(obj, **options) == "removed"


def test_a_second_delete_only_shortens_the_grace_period() -> None:
    assert plan(pod(**GOING)) == "unchanged"
    assert plan(pod(**GOING), grace_period_seconds=60) == "unchanged"
    shorter = plan(pod(**GOING), grace_period_seconds=5)
    assert isinstance(shorter, dict)
    assert (shorter["deletionGracePeriodSeconds"], shorter["deletionTimestamp"]) == (
        5,
        "2027-01-15T08:00:05Z",
    )


def test_finalizers_keep_the_object_and_policies_add_theirs() -> None:
    kept = plan(pod("Succeeded", finalizers=["a/b"]))
    assert isinstance(kept, dict)
    assert (kept["finalizers"], kept["deletionGracePeriodSeconds"]) == (["a/b"], 0)
    foreground = plan(pod("Succeeded"), propagation_policy="Foreground")
    assert isinstance(foreground, dict)
    assert foreground["finalizers"] == ["foregroundDeletion"]
    assert plan(pod("Succeeded", finalizers=["orphan"]), propagation_policy="Background") == "removed"


async def test_taking_the_last_finalizer_away_removes_the_object(client: Client) -> None:
    obj = config_map("a")
    obj["metadata"]["finalizers"] = ["example.com/keep"]
    await client.create(kinds.CONFIG_MAPS, obj, "default")
    await client.delete(kinds.CONFIG_MAPS, "a", "default")
    going = await client.get(kinds.CONFIG_MAPS, "a", "default")
    assert going["metadata"]["deletionTimestamp"]
    last = await client.patch(kinds.CONFIG_MAPS, "a", {"metadata": {"finalizers": None}}, "default")
    assert "finalizers" not in last["metadata"]
    with pytest.raises(NotFound):
        await client.get(kinds.CONFIG_MAPS, "a", "default")


async def test_preconditions_must_hold(client: Client) -> None:
    (made,) = await make(client, "a")
    with pytest.raises(Conflict, match="UID in precondition: other"):
        await client.delete(kinds.CONFIG_MAPS, "a", "default", uid="other")
    with pytest.raises(Conflict, match="ResourceVersion in precondition"):
        await client.delete(kinds.CONFIG_MAPS, "a", "default", resource_version="1")
    uid = made["metadata"]["uid"]
    status = await client.delete(kinds.CONFIG_MAPS, "a", "default", uid=uid)
    assert (status["status"], status["details"]["uid"]) == ("Success", uid)


async def test_a_collection_is_deleted_by_its_selectors(client: Client) -> None:
    await make(client, "a", "b", labels={"app": "web"})
    await make(client, "c")
    await client.delete_collection(kinds.CONFIG_MAPS, "default", label_selector="app=web")
    assert names(await client.list(kinds.CONFIG_MAPS, "default")) == ["c"]


async def test_a_namespace_stays_until_it_is_finalized(client: Client) -> None:
    await client.create(kinds.NAMESPACES, {"metadata": {"name": "team"}})
    going = await client.delete(kinds.NAMESPACES, "team")
    assert going["status"]["phase"] == "Terminating"
    going["spec"]["finalizers"] = []
    await client.update(kinds.NAMESPACES, going, subresource="finalize")
    with pytest.raises(NotFound):
        await client.get(kinds.NAMESPACES, "team")


async def test_an_eviction_respects_the_disruption_budget(client: Client) -> None:
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")
    spec = {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}
    await client.create(
        kinds.PODS, {"metadata": {"name": "p", "labels": {"a": "b"}}, "spec": spec}, "default"
    )
    await client.patch(kinds.PODS, "p", {"status": {"phase": "Running"}}, "default", subresource="status")
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}}
    await client.create(kinds.POD_DISRUPTION_BUDGETS, budget, "default")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    with pytest.raises(TooManyRequests, match="disruption budget"):
        await client.create(kinds.PODS, eviction, "default", name="p", subresource="eviction")
    status = {"status": {"disruptionsAllowed": 1, "observedGeneration": 1}}
    await client.patch(kinds.POD_DISRUPTION_BUDGETS, "b", status, "default", subresource="status")
    await client.create(kinds.PODS, eviction, "default", name="p", subresource="eviction")
    assert (await client.get(kinds.PODS, "p", "default"))["metadata"]["deletionTimestamp"]
    left = await client.get(kinds.POD_DISRUPTION_BUDGETS, "b", "default")
    assert left["status"]["disruptionsAllowed"] == 0


async def test_a_deleted_service_gives_its_address_back(client: Client) -> None:
    service = {"metadata": {"name": "a"}, "spec": {"clusterIP": "10.96.0.50", "ports": [{"port": 80}]}}
    await client.create(kinds.SERVICES, service, "default")
    await client.delete(kinds.SERVICES, "a", "default")
    again = await client.create(kinds.SERVICES, {**service, "metadata": {"name": "b"}}, "default")
    assert again["spec"]["clusterIP"] == "10.96.0.50"
