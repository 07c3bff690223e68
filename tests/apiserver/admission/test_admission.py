"""Admission plug-ins, in the server they run in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from steersman.api import kinds
from steersman.api.errors import ApiError, Forbidden, NotFound
from steersman.apiserver.authn import User
from steersman.client.rest import Client

if TYPE_CHECKING:
    from steersman.apiserver.server import APIServer

NODE = User("system:node:n1", groups=("system:nodes", "system:authenticated"))


def pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}


@pytest.fixture
async def account(client: Client) -> None:
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")


async def test_nothing_is_made_in_a_namespace_that_is_not(client: Client) -> None:
    with pytest.raises(NotFound, match='namespaces "nope" not found'):
        await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": "c"}}, "nope")


async def test_a_namespace_can_be_used_at_once(client: Client) -> None:
    await client.create(kinds.NAMESPACES, {"metadata": {"name": "new"}})
    await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": "c"}}, "new")


async def test_nothing_is_made_in_a_namespace_that_goes(client: Client) -> None:
    await client.create(kinds.NAMESPACES, {"metadata": {"name": "going"}})
    await client.delete(kinds.NAMESPACES, "going")
    with pytest.raises(Forbidden, match="because it is being terminated") as caught:
        await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": "c"}}, "going")
    assert (caught.value.details or {})["causes"][0]["reason"] == "NamespaceTerminating"


async def test_three_namespaces_stay(client: Client) -> None:
    with pytest.raises(Forbidden, match="this namespace may not be deleted"):
        await client.delete(kinds.NAMESPACES, "kube-system")


async def test_a_pod_gets_its_account_token_priority_and_tolerations(client: Client, account: None) -> None:
    made = await client.create(kinds.PODS, pod(), "default")
    spec = made["spec"]
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("default", "default")
    (volume,) = spec["volumes"]
    (mount,) = spec["containers"][0]["volumeMounts"]
    assert volume["name"] == mount["name"]
    assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    assert (spec["priority"], spec["preemptionPolicy"]) == (0, "PreemptLowerPriority")
    assert {item["key"] for item in spec["tolerations"]} == {
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    }


async def test_a_pod_may_do_without_a_token(client: Client, account: None) -> None:
    made = await client.create(kinds.PODS, pod(automountServiceAccountToken=False), "default")
    assert "volumes" not in made["spec"]


async def test_an_account_that_is_not_is_named(client: Client) -> None:
    with pytest.raises(Forbidden) as caught:
        await client.create(kinds.PODS, pod(serviceAccountName="ghost"), "default")
    assert caught.value.message == (
        'pods "p" is forbidden: error looking up service account default/ghost: '
        'serviceaccount "ghost" not found'
    )


async def test_priority_classes(client: Client, account: None) -> None:
    with pytest.raises(Forbidden, match="no PriorityClass with name high was found"):
        await client.create(kinds.PODS, pod(priorityClassName="high"), "default")
    high = {"metadata": {"name": "high"}, "value": 7, "globalDefault": True, "preemptionPolicy": "Never"}
    await client.create(kinds.PRIORITY_CLASSES, high)
    made = await client.create(kinds.PODS, pod(), "default")
    assert (made["spec"]["priorityClassName"], made["spec"]["priority"]) == ("high", 7)
    assert made["spec"]["preemptionPolicy"] == "Never"
    with pytest.raises(Forbidden, match="must not be provided in pod spec"):
        await client.create(kinds.PODS, pod("q", priority=9), "default")
    second = {"metadata": {"name": "higher"}, "value": 8, "globalDefault": True}
    with pytest.raises(Forbidden, match="already marked as default"):
        await client.create(kinds.PRIORITY_CLASSES, second)


async def test_new_nodes_wait_for_their_conditions(client: Client) -> None:
    made = await client.create(kinds.NODES, {"metadata": {"name": "n1"}})
    assert made["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]


async def test_a_node_writes_only_about_itself_and_its_pods(
    apiserver: APIServer, client: Client, account: None
) -> None:
    await client.create(kinds.PODS, pod("mine", nodeName="n1"), "default")
    await client.create(kinds.PODS, pod("other", nodeName="n2"), "default")
    async with Client(apiserver.transport(NODE)) as node:
        await node.create(kinds.NODES, {"metadata": {"name": "n1"}})
        status = {"status": {"phase": "Running"}}
        await node.patch(kinds.PODS, "mine", status, "default", subresource="status")
        for attempt in (
            node.create(kinds.NODES, {"metadata": {"name": "n2"}}),
            node.create(kinds.PODS, pod("new", nodeName="n1"), "default"),
            node.patch(kinds.PODS, "other", status, "default", subresource="status"),
            node.delete(kinds.PODS, "other", "default"),
        ):
            with pytest.raises(Forbidden):
                await attempt


async def test_claims_get_the_default_class_and_their_finalizer(client: Client) -> None:
    marked = {"storageclass.kubernetes.io/is-default-class": "true"}
    await client.create(
        kinds.STORAGE_CLASSES,
        {"metadata": {"name": "fast", "annotations": marked}, "provisioner": "example.com/p"},
    )
    claim = {
        "metadata": {"name": "c"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    made = await client.create(kinds.PERSISTENT_VOLUME_CLAIMS, claim, "default")
    assert made["spec"]["storageClassName"] == "fast"
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]


async def test_nobody_grants_more_than_they_have(apiserver: APIServer, client: Client) -> None:
    bob = User("bob", groups=("system:authenticated",))
    grant = {
        "metadata": {"name": "bob"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "bob"}],
    }
    await client.create(kinds.ROLE_BINDINGS, grant, "default")
    rule = {"verbs": ["get"], "apiGroups": [""]}
    async with Client(apiserver.transport(bob)) as asked:
        allowed = {"metadata": {"name": "pods"}, "rules": [{**rule, "resources": ["pods"]}]}
        await asked.create(kinds.ROLES, allowed, "default")
        too_much = {"metadata": {"name": "nodes"}, "rules": [{**rule, "resources": ["nodes"]}]}
        with pytest.raises(Forbidden, match="attempting to grant RBAC permissions not currently held"):
            await asked.create(kinds.ROLES, too_much, "default")
        more = {**grant, "metadata": {"name": "eve"}}
        more["roleRef"] = {**grant["roleRef"], "name": "cluster-admin"}  # type: ignore[dict-item]
        with pytest.raises(Forbidden, match="attempting to grant"):
            await asked.create(kinds.ROLE_BINDINGS, more, "default")


@pytest.mark.parametrize(
    ("verb", "resource", "allowed"),
    [("list", "pods", True), ("list", "nodes", False)],
    ids=["may", "may not"],
)
async def test_users_can_ask_what_they_may(
    apiserver: APIServer, client: Client, verb: str, resource: str, allowed: bool
) -> None:
    grant = {
        "metadata": {"name": "eve"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "eve"}],
    }
    await client.create(kinds.ROLE_BINDINGS, grant, "default")
    question = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": verb, "resource": resource, "namespace": "default"}},
    }
    async with Client(apiserver.transport(User("eve", groups=("system:authenticated",)))) as eve:
        answer = await eve.create(kinds.SELF_SUBJECT_ACCESS_REVIEWS, question)
    assert answer["status"]["allowed"] is allowed


@pytest.mark.parametrize(
    ("resource", "spec"),
    [
        (kinds.SELF_SUBJECT_ACCESS_REVIEWS, "text"),
        (kinds.SELF_SUBJECT_ACCESS_REVIEWS, {"resourceAttributes": ["list"]}),
        (kinds.SELF_SUBJECT_ACCESS_REVIEWS, {}),
        (kinds.SUBJECT_ACCESS_REVIEWS, {"resourceAttributes": {"verb": "get"}}),
        (kinds.TOKEN_REVIEWS, {"token": 7}),
        (kinds.TOKEN_REVIEWS, {}),
        (kinds.SELF_SUBJECT_RULES_REVIEWS, {}),
    ],
)
async def test_questions_that_make_no_sense_are_refused(client: Client, resource: Any, spec: Any) -> None:
    with pytest.raises(ApiError) as caught:
        await client.create(resource, {"spec": spec})
    assert caught.value.code in (400, 422)
