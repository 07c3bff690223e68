"""Webhooks: who is asked, in which order, and what answers and failures do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from tests.apiserver.apiextensions.definitions import wait_condition
from tests.fixtures.webhook import json_patch

from steersman.api import kinds
from steersman.api.errors import ApiError, InternalError

if TYPE_CHECKING:
    from tests.fixtures.webhook import WebhookServer

    from steersman.client.rest import Client

RULE = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}


def hook(name: str, client_config: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {
        "name": f"{name}.example.com",
        "clientConfig": client_config,
        "rules": [RULE],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **rest,
    }


async def mutating(client: Client, *hooks: dict[str, Any], name: str = "m") -> None:
    made = {"metadata": {"name": name}, "webhooks": list(hooks)}
    await client.create(kinds.MUTATING_WEBHOOK_CONFIGURATIONS, made)


async def validating(client: Client, *hooks: dict[str, Any], name: str = "v") -> None:
    made = {"metadata": {"name": name}, "webhooks": list(hooks)}
    await client.create(kinds.VALIDATING_WEBHOOK_CONFIGURATIONS, made)


async def make(client: Client, name: str = "c", **rest: Any) -> dict[str, Any]:
    return await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": name, **rest}}, "default")


async def test_a_denial_carries_the_webhooks_words_and_code(client: Client, webhook: WebhookServer) -> None:
    told = {"allowed": False, "status": {"message": "no luck", "code": 418, "reason": "Teapot"}}
    await validating(client, hook("deny", webhook.on("/deny", lambda _: told)))
    with pytest.raises(ApiError) as caught:
        await make(client)
    assert caught.value.message == 'admission webhook "deny.example.com" denied the request: no luck'
    assert (caught.value.code, caught.value.reason) == (418, "Teapot")


async def test_a_review_says_who_does_what(client: Client, webhook: WebhookServer) -> None:
    await validating(client, hook("see", webhook.on("/see", lambda _: {})))
    await make(client)
    await client.delete(kinds.CONFIG_MAPS, "c", "default")
    (_, created), (_, deleted) = webhook.asked
    assert created["kind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    assert created["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert (created["operation"], created["name"], created["namespace"]) == ("CREATE", "c", "default")
    assert created["object"]["kind"] == "ConfigMap"
    assert created["oldObject"] is None
    assert created["userInfo"]["username"] == "kubernetes-admin"
    assert (deleted["operation"], deleted["object"]) == ("DELETE", None)
    assert deleted["oldObject"]["metadata"]["name"] == "c"


async def test_patches_are_applied_in_order(client: Client, webhook: WebhookServer) -> None:
    first = webhook.on("/a", lambda _: json_patch({"op": "add", "path": "/data", "value": {"a": "1"}}))
    second = webhook.on(
        "/b",
        lambda asked: json_patch(
            {"op": "add", "path": "/data/b", "value": asked["object"]["data"]["a"] + "2"}
        ),
    )
    await mutating(client, hook("a", first), hook("b", second))
    assert (await make(client))["data"] == {"a": "1", "b": "12"}


async def test_a_webhook_is_asked_again_when_a_later_one_changed_the_object(
    client: Client, webhook: WebhookServer
) -> None:
    def count(asked: dict[str, Any]) -> dict[str, Any]:
        seen = len(asked["object"].get("data") or {})
        return json_patch({"op": "add", "path": "/metadata/annotations", "value": {"seen": str(seen)}})

    later = webhook.on("/b", lambda _: json_patch({"op": "add", "path": "/data", "value": {"k": "v"}}))
    await mutating(
        client, hook("a", webhook.on("/a", count), reinvocationPolicy="IfNeeded"), hook("b", later)
    )
    made = await make(client)
    assert made["metadata"]["annotations"] == {"seen": "1"}
    assert [path for path, _ in webhook.asked] == ["/a", "/b", "/a"]


async def test_a_failing_call_is_an_error_or_nothing_as_the_policy_says(client: Client) -> None:
    nowhere = {"url": "https://127.0.0.1:1/x"}
    await validating(client, hook("gone", nowhere, failurePolicy="Ignore"))
    await make(client)
    await validating(client, hook("dead", nowhere, timeoutSeconds=1), name="w")
    with pytest.raises(InternalError, match="failed calling webhook"):
        await make(client, "d")


async def test_an_untrusted_server_is_not_asked(client: Client, webhook: WebhookServer) -> None:
    config = webhook.on("/x", lambda _: {})
    del config["caBundle"]
    await validating(client, hook("x", config))
    with pytest.raises(InternalError, match="certificate verify failed"):
        await make(client)


async def test_a_webhook_is_told_of_a_dry_run(client: Client, webhook: WebhookServer) -> None:
    await validating(client, hook("x", webhook.on("/x", lambda _: {})))
    await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": "c"}}, "default", dry_run=True)
    ((_, asked),) = webhook.asked
    assert asked["dryRun"] is True


@pytest.mark.parametrize(
    ("rest", "asked"),
    [
        ({}, True),
        ({"rules": [{**RULE, "operations": ["UPDATE"]}]}, False),
        ({"rules": [{**RULE, "scope": "Cluster"}]}, False),
        ({"rules": [{**RULE, "resources": ["configmaps/status"]}]}, False),
        ({"objectSelector": {"matchLabels": {"ask": "yes"}}}, True),
        ({"objectSelector": {"matchLabels": {"ask": "no"}}}, False),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"x": "y"}}}, False),
        ({"matchConditions": [{"name": "c", "expression": "object.metadata.name == 'c'"}]}, True),
        ({"matchConditions": [{"name": "c", "expression": "request.operation == 'UPDATE'"}]}, False),
    ],
    ids=[
        "plain rule",
        "other operation",
        "other scope",
        "sub-resource",
        "selected object",
        "object not selected",
        "selected namespace",
        "namespace not selected",
        "condition holds",
        "condition does not hold",
    ],
)
async def test_only_what_matches_is_asked_about(
    client: Client, webhook: WebhookServer, rest: dict[str, Any], asked: bool
) -> None:
    await validating(client, hook("x", webhook.on("/x", lambda _: {}), **rest))
    await make(client, labels={"ask": "yes"})
    assert bool(webhook.asked) is asked


async def test_an_equivalent_version_is_shown_in_the_version_asked_for(
    client: Client, webhook: WebhookServer
) -> None:
    rule = {"apiGroups": ["autoscaling"], "apiVersions": ["v1"], "operations": ["CREATE"]}
    rule["resources"] = ["horizontalpodautoscalers"]
    await validating(client, hook("x", webhook.on("/x", lambda _: {}), rules=[rule]))
    made = {
        "metadata": {"name": "h"},
        "spec": {
            "maxReplicas": 2,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
                }
            ],
        },
    }
    await client.create(kinds.HORIZONTAL_POD_AUTOSCALERS, made, "default")
    ((_, asked),) = webhook.asked
    assert asked["object"]["apiVersion"] == "autoscaling/v1"
    assert asked["object"]["spec"]["targetCPUUtilizationPercentage"] == 50
    assert asked["requestKind"]["version"] == "v2"


async def test_webhooks_are_never_asked_about_webhooks(client: Client, webhook: WebhookServer) -> None:
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "operations": ["*"]}
    config = webhook.on("/x", lambda _: {"allowed": False})
    await validating(client, hook("x", config, rules=[rule]))
    await client.delete(kinds.VALIDATING_WEBHOOK_CONFIGURATIONS, "v")
    await make(client)
    assert not webhook.asked


async def test_a_service_is_reached_by_its_name(client: Client, webhook: WebhookServer) -> None:
    spec = {"type": "ExternalName", "externalName": "localhost"}
    await client.create(kinds.SERVICES, {"metadata": {"name": "hooks"}, "spec": spec}, "default")
    config = webhook.on("/x", lambda _: {"warnings": ["careful"]})
    service = {"namespace": "default", "name": "hooks", "path": "/x", "port": webhook.port}
    await validating(client, hook("x", {"service": service, "caBundle": config["caBundle"]}))
    await make(client)
    assert len(webhook.asked) == 1


@pytest.fixture
async def pod(client: Client) -> None:
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")
    made = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await client.create(kinds.PODS, made, "default")


def pod_rule(resource: str, operation: str) -> list[dict[str, Any]]:
    return [{"apiGroups": [""], "apiVersions": ["v1"], "resources": [resource], "operations": [operation]}]


async def test_connections_are_asked_about(client: Client, webhook: WebhookServer, pod: None) -> None:
    config = webhook.on("/x", lambda _: {"allowed": False})
    await validating(client, hook("x", config, rules=pod_rule("pods/exec", "CONNECT")))
    path = kinds.PODS.path("default", "p", "exec")
    answer = await client.request("POST", path, query={"command": "id", "stdout": "true"})
    assert answer.status == 400
    ((_, asked),) = webhook.asked
    assert (asked["operation"], asked["subResource"]) == ("CONNECT", "exec")
    assert asked["object"]["kind"] == "PodExecOptions"
    assert asked["object"]["command"] == ["id"]


async def test_evictions_are_asked_about(client: Client, webhook: WebhookServer, pod: None) -> None:
    config = webhook.on("/x", lambda _: {"allowed": False})
    await validating(client, hook("x", config, rules=pod_rule("pods/eviction", "CREATE")))
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p", "namespace": "default"}}
    with pytest.raises(ApiError, match="denied the request"):
        await client.create(kinds.PODS, body, "default", name="p", subresource="eviction")
    assert webhook.asked[0][1]["object"]["kind"] == "Eviction"


def custom(version: str, *, storage: bool) -> dict[str, Any]:
    properties = {"data": {"type": "object", "properties": {"kept": {"type": "string", "default": "given"}}}}
    schema = {"type": "object", "properties": properties}
    return {
        "name": version,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": schema},
    }


async def test_patched_custom_objects_are_pruned_and_completed(
    client: Client, webhook: WebhookServer
) -> None:
    definition = {
        "metadata": {"name": "tabs.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "tabs", "kind": "Tab"},
            "versions": [custom("v1", storage=False), custom("v2", storage=True)],
        },
    }
    await client.create(kinds.CUSTOM_RESOURCE_DEFINITIONS, definition)
    path = "/apis/example.com/v2/namespaces/default/tabs"
    await wait_condition(client, "tabs.example.com", "Established")
    rule = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["tabs"], "operations": ["*"]}
    operations = json_patch({"op": "add", "path": "/data", "value": {"unknown": "x"}})
    await mutating(client, hook("x", webhook.on("/x", lambda _: operations), rules=[rule]))
    body = {"apiVersion": "example.com/v2", "kind": "Tab", "metadata": {"name": "t"}}
    answer = await client.request("POST", path, body=orjson.dumps(body))
    assert answer.status == 201
    assert answer.json()["data"] == {"kept": "given"}
    assert answer.json()["apiVersion"] == "example.com/v2"
    assert webhook.asked[0][1]["object"]["apiVersion"] == "example.com/v1"


async def test_scaling_is_shown_and_patched_as_a_scale(client: Client, webhook: WebhookServer) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    await client.create(kinds.DEPLOYMENTS, {"metadata": {"name": "d"}, "spec": spec}, "default")
    operations = json_patch({"op": "replace", "path": "/spec/replicas", "value": 4})
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["*/scale"], "operations": ["UPDATE"]}
    await mutating(client, hook("x", webhook.on("/x", lambda _: operations), rules=[rule]))
    patch = {"spec": {"replicas": 9}}
    scale = await client.patch(kinds.DEPLOYMENTS, "d", patch, "default", subresource="scale")
    assert scale["spec"]["replicas"] == 4
    ((_, asked),) = webhook.asked
    assert asked["kind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    assert (asked["object"]["kind"], asked["object"]["spec"]["replicas"]) == ("Scale", 9)
    assert asked["oldObject"]["spec"]["replicas"] == 1
