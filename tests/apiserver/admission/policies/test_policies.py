"""Validating and mutating admission policies in a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from steersman.api import kinds
from steersman.api.errors import ApiError, Invalid

if TYPE_CHECKING:
    from steersman.client.rest import Client

RULES = [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}]


async def validating(
    client: Client,
    *validations: dict[str, Any],
    actions: tuple[str, ...] = ("Deny",),
    binding: dict[str, Any] | None = None,
    **spec: Any,
) -> None:
    made = {
        "metadata": {"name": "p"},
        "spec": {"matchConstraints": {"resourceRules": RULES}, "validations": list(validations), **spec},
    }
    await client.create(kinds.VALIDATING_ADMISSION_POLICIES, made)
    bound = {"policyName": "p", "validationActions": list(actions), **(binding or {})}
    await client.create(
        kinds.VALIDATING_ADMISSION_POLICY_BINDINGS, {"metadata": {"name": "b"}, "spec": bound}
    )


async def mutating(client: Client, name: str, *mutations: dict[str, Any], **spec: Any) -> None:
    made = {
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": RULES},
            "mutations": list(mutations),
            "reinvocationPolicy": "Never",
            **spec,
        },
    }
    await client.create(kinds.MUTATING_ADMISSION_POLICIES, made)
    bound = {"metadata": {"name": name}, "spec": {"policyName": name}}
    await client.create(kinds.MUTATING_ADMISSION_POLICY_BINDINGS, bound)


async def make(client: Client, data: dict[str, str] | None = None, name: str = "c") -> dict[str, Any]:
    return await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": name}, "data": data or {}}, "default")


async def test_a_write_that_breaks_a_rule_is_refused(client: Client) -> None:
    await validating(client, {"expression": "object.metadata.name.startsWith('a')", "reason": "Forbidden"})
    with pytest.raises(ApiError) as caught:
        await make(client)
    assert caught.value.message == (
        "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "
        "failed expression: object.metadata.name.startsWith('a')"
    )
    assert (caught.value.code, caught.value.reason) == (403, "Forbidden")
    await make(client, name="a")


async def test_messages_may_be_made_by_expressions_over_variables(client: Client) -> None:
    await validating(
        client,
        {"expression": "variables.many < 2", "messageExpression": "'too many: ' + string(variables.many)"},
        variables=[
            {"name": "keys", "expression": "has(object.data) ? object.data : {}"},
            {"name": "many", "expression": "variables.keys.size()"},
        ],
    )
    with pytest.raises(ApiError, match="denied request: too many: 2") as caught:
        await make(client, {"a": "1", "b": "2"})
    assert (caught.value.code, caught.value.reason) == (422, "Invalid")
    await make(client)


async def test_a_rule_without_value_refuses_unless_failures_are_ignored(client: Client) -> None:
    await validating(client, {"expression": "object.data.x == 'y'"})
    with pytest.raises(ApiError, match="resulted in error: no such key: "):
        await make(client, {"a": "1"})
    patch = {"spec": {"failurePolicy": "Ignore"}}
    await client.patch(kinds.VALIDATING_ADMISSION_POLICIES, "p", patch)
    await make(client, {"a": "1"})


async def test_a_warning_lets_the_write_pass(client: Client) -> None:
    await validating(client, {"expression": "false", "message": "no good"}, actions=("Warn", "Audit"))
    body = orjson.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}})
    answer = await client.request("POST", kinds.CONFIG_MAPS.path("default"), body=body)
    assert answer.status == 201
    assert (
        "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': no good"
        in (answer.headers["Warning"])
    )


async def test_match_conditions_and_bindings_narrow_a_policy(client: Client) -> None:
    await validating(
        client,
        {"expression": "false"},
        binding={"matchResources": {"objectSelector": {"matchLabels": {"judge": "me"}}}},
        matchConditions=[{"name": "creations", "expression": "request.operation == 'CREATE'"}],
    )
    await make(client)
    labelled = {"metadata": {"name": "d", "labels": {"judge": "me"}}}
    with pytest.raises(ApiError, match="failed expression: false"):
        await client.create(kinds.CONFIG_MAPS, labelled, "default")


async def test_parameters_come_from_objects(client: Client) -> None:
    await validating(
        client,
        {"expression": "!has(object.data) || object.data.size() <= int(params.data.most)"},
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        binding={"paramRef": {"name": "limits", "namespace": "default", "parameterNotFoundAction": "Deny"}},
        matchConditions=[{"name": "not itself", "expression": "object.metadata.name != 'limits'"}],
    )
    with pytest.raises(ApiError, match="no params found for policy binding"):
        await make(client, {"a": "1"})
    await client.delete(kinds.VALIDATING_ADMISSION_POLICY_BINDINGS, "b")
    await make(client, {"most": "1"}, "limits")
    spec = {
        "policyName": "p",
        "validationActions": ["Deny"],
        "paramRef": {"selector": {}, "namespace": "default", "parameterNotFoundAction": "Deny"},
    }
    bound = {"metadata": {"name": "b"}, "spec": spec}
    await client.create(kinds.VALIDATING_ADMISSION_POLICY_BINDINGS, bound)
    with pytest.raises(ApiError, match="failed expression"):
        await make(client, {"a": "1", "b": "2"})


async def test_a_configuration_is_merged_into_the_object(client: Client) -> None:
    expression = (
        'Object{metadata: Object.metadata{labels: {"made": "here"}}, '
        'data: {"size": string(object.data.size())}}'
    )
    await mutating(
        client, "m", {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}
    )
    made = await make(client, {"a": "1"})
    assert made["data"] == {"a": "1", "size": "1"}
    assert made["metadata"]["labels"] == {"made": "here"}


async def test_json_patches_see_what_came_before(client: Client) -> None:
    def patch(expression: str) -> dict[str, Any]:
        return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}

    await mutating(
        client,
        "m",
        patch('[JSONPatch{op: "add", path: "/data/x", value: "1"}]'),
        patch('[JSONPatch{op: "add", path: "/data/y", value: object.data.x + "2"}]'),
    )
    assert (await make(client, {"a": "1"}))["data"] == {"a": "1", "x": "1", "y": "12"}


async def test_a_mutation_may_not_rename(client: Client) -> None:
    expression = 'Object{metadata: Object.metadata{name: "x"}}'
    await mutating(
        client, "m", {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}
    )
    with pytest.raises(ApiError, match="may not mutate name"):
        await make(client)


async def test_lists_of_a_pod_are_merged_by_their_keys(client: Client) -> None:
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}]
    expression = (
        'Object{spec: Object.spec{initContainers: [Object.spec.initContainers{name: "mesh", image: "m", '
        'restartPolicy: "Always"}]}}'
    )
    await mutating(
        client,
        "m",
        {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}},
        matchConstraints={"resourceRules": rules},
    )
    spec = {"containers": [{"name": "c", "image": "i"}], "initContainers": [{"name": "i", "image": "i"}]}
    made = await client.create(kinds.PODS, {"metadata": {"name": "p"}, "spec": spec}, "default")
    assert {one["name"] for one in made["spec"]["initContainers"]} == {"mesh", "i"}


async def test_expressions_may_ask_the_authorizer(client: Client) -> None:
    check = "authorizer.requestResource.check('create').allowed()"
    account = "authorizer.serviceAccount('default', 'x').group('').resource('pods').check('get').allowed()"
    await validating(client, {"expression": f"{check} && !{account}"})
    await make(client)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"validations": [{"expression": "object."}]},
            r"spec.validations\[0\].expression: .*compilation failed",
        ),
        ({"validations": [{"expression": "1 + 1"}]}, "must evaluate to bool"),
        ({"variables": [{"name": "v", "expression": "self.x"}]}, "undeclared reference to 'self"),
        ({"auditAnnotations": [{"key": "k", "valueExpression": "true"}]}, "must evaluate to string"),
    ],
    ids=["syntax", "type", "name", "annotation"],
)
async def test_a_wrong_expression_is_refused_with_its_place(
    client: Client, spec: dict[str, Any], message: str
) -> None:
    rules = {"matchConstraints": {"resourceRules": RULES}, "validations": [{"expression": "true"}]}
    made = {"metadata": {"name": "p"}, "spec": {**rules, **spec}}
    with pytest.raises(Invalid, match=message):
        await client.create(kinds.VALIDATING_ADMISSION_POLICIES, made)


async def test_expressions_are_checked_against_the_schemas_of_what_they_are_about(client: Client) -> None:
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"], "operations": ["*"]}
    listed = await client.list(kinds.VALIDATING_ADMISSION_POLICIES)
    await validating(
        client,
        {"expression": "object.spec.strategy.rollingUpdate.maxSurge == 1"},
        {"expression": "object.spec.replicaz > 1"},
        matchConstraints={"resourceRules": [rule]},
    )
    version = listed["metadata"]["resourceVersion"]
    async for event in client.watch(kinds.VALIDATING_ADMISSION_POLICIES, resource_version=version):
        status = event.object.get("status") or {}
        if status.get("observedGeneration") == 1:
            break
    (warning,) = status["typeChecking"]["expressionWarnings"]
    assert warning["fieldRef"] == "spec.validations[1].expression"
    assert warning["warning"].startswith("apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field")
