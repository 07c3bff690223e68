"""Create, update and patch: identity, versions, conflicts, options."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.apiserver.objects import CONFIG_MAPS, config_map, make

from steersman.api import kinds
from steersman.api.errors import (
    AlreadyExists,
    ApiError,
    BadRequest,
    Conflict,
    Invalid,
    NotFound,
    UnsupportedMediaType,
)
from steersman.client.rest import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.rest import Client


BOMB = b"a: &a [x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % ((c, c) + (c - 1,) * 8)
    for c in range(ord("b"), ord("k"))
)


def deployment(name: str, replicas: int = 1) -> Object:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


async def test_an_object_gets_its_identity_and_a_new_version_with_each_change(client: Client) -> None:
    (made,) = await make(client, "a")
    assert made["metadata"]["uid"]
    assert made["metadata"]["creationTimestamp"]
    changed = await client.update(kinds.CONFIG_MAPS, {**made, "data": {"k": "2"}})
    assert int(changed["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    assert changed["metadata"]["uid"] == made["metadata"]["uid"]
    assert await client.get(kinds.CONFIG_MAPS, "a", "default") == changed


async def test_an_update_that_changes_nothing_keeps_the_version(client: Client) -> None:
    (made,) = await make(client, "a")
    assert await client.update(kinds.CONFIG_MAPS, made) == made


async def test_an_update_of_an_older_version_is_a_conflict(client: Client) -> None:
    (made,) = await make(client, "a")
    await client.update(kinds.CONFIG_MAPS, {**made, "data": {"k": "2"}})
    with pytest.raises(Conflict, match="the object has been modified"):
        await client.update(kinds.CONFIG_MAPS, {**made, "data": {"k": "3"}})


async def test_an_update_of_another_object_of_the_name_is_a_conflict(client: Client) -> None:
    (made,) = await make(client, "a")
    other = {**made["metadata"], "uid": "other", "resourceVersion": ""}
    with pytest.raises(Conflict, match="Precondition failed: UID"):
        await client.update(kinds.CONFIG_MAPS, {**made, "metadata": other})


async def test_a_taken_name_is_refused_and_a_generated_one_is_free(client: Client) -> None:
    await make(client, "a")
    with pytest.raises(AlreadyExists, match='configmaps "a" already exists'):
        await make(client, "a")
    one = await client.create(kinds.CONFIG_MAPS, {"metadata": {"generateName": "g-"}}, "default")
    two = await client.create(kinds.CONFIG_MAPS, {"metadata": {"generateName": "g-"}}, "default")
    assert one["metadata"]["name"] != two["metadata"]["name"]
    assert one["metadata"]["name"].startswith("g-")


async def test_a_new_object_names_no_version(client: Client) -> None:
    with pytest.raises(BadRequest, match="resourceVersion should not be set on objects to be created"):
        await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": "a", "resourceVersion": "5"}}, "default")


async def test_a_dry_run_shows_the_result_and_stores_nothing(client: Client) -> None:
    shown = await client.create(kinds.CONFIG_MAPS, config_map("a"), "default", dry_run=True)
    assert shown["metadata"]["uid"]
    with pytest.raises(NotFound):
        await client.get(kinds.CONFIG_MAPS, "a", "default")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param({"metadata": {"name": "a", "namespace": "other"}}, BadRequest, id="another namespace"),
        pytest.param({"kind": "Pod", "metadata": {"name": "a"}}, BadRequest, id="another kind"),
        pytest.param({"apiVersion": "v2", "metadata": {"name": "a"}}, BadRequest, id="another version"),
        pytest.param({"metadata": {}}, Invalid, id="no name"),
        pytest.param({"metadata": {"name": "A_b"}}, Invalid, id="a name that is none"),
        pytest.param({"metadata": []}, BadRequest, id="metadata of a wrong type"),
        pytest.param({"metadata": {"name": "a"}, "data": {"k": 1}}, BadRequest, id="a value of a wrong type"),
    ],
)
async def test_bodies_that_do_not_fit_are_refused(
    client: Client, body: Object, error: type[Exception]
) -> None:
    response = await client.transport.request("POST", CONFIG_MAPS, {}, {}, orjson.dumps(body))
    assert response.status == error.code  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        pytest.param(b"{", "application/json", 400, id="broken JSON"),
        pytest.param(b"a: [", "application/yaml", 400, id="broken YAML"),
        pytest.param(b"[]", "application/json", 400, id="a list"),
        pytest.param(b"x", "text/plain", 415, id="an unknown media type"),
        pytest.param(b" " * (3 * 1024 * 1024 + 1), "application/json", 413, id="over three MiB"),
        pytest.param(
            b"metadata: {name: y}\ndata: {d: 2020-01-01}", "application/yaml", 201, id="a date is text"
        ),
        pytest.param(b"metadata: {name: y, 1: 2}", "application/yaml", 201, id="a number as a key"),
        pytest.param(b"metadata: !!set {a}", "application/yaml", 400, id="YAML that is no JSON"),
        pytest.param(BOMB, "application/yaml", 400, id="aliases that multiply"),
        pytest.param(b"metadata: {name: y}\ndata: {d: '1'}", "application/yaml", 201, id="YAML"),
    ],
)
async def test_bodies_are_decoded_by_their_type(
    client: Client, data: bytes, content_type: str, status: int
) -> None:
    headers = {"Content-Type": content_type}
    assert (await client.transport.request("POST", CONFIG_MAPS, {}, headers, data)).status == status


async def test_unknown_fields_are_refused_warned_about_or_ignored(client: Client) -> None:
    body = b'{"metadata":{"name":"a"},"dat":{}}'
    for mode, status, warned in (("Strict", 400, False), ("Warn", 201, True), ("Ignore", 409, False)):
        response = await client.transport.request("POST", CONFIG_MAPS, {"fieldValidation": mode}, {}, body)
        assert response.status == status
        assert ('unknown field \\"dat\\"' in response.headers.get("Warning", "")) == warned


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        pytest.param(MERGE_PATCH, {"spec": {"replicas": 5}}, id="merge patch"),
        pytest.param(STRATEGIC_PATCH, {"spec": {"replicas": 5}}, id="strategic merge patch"),
        pytest.param(JSON_PATCH, [{"op": "replace", "path": "/spec/replicas", "value": 5}], id="JSON patch"),
    ],
)
async def test_patches_change_the_object_and_count_its_generation(
    client: Client, content_type: str, patch: Object
) -> None:
    await client.create(kinds.DEPLOYMENTS, deployment("web"), "default")
    changed = await client.patch(kinds.DEPLOYMENTS, "web", patch, "default", content_type=content_type)
    assert changed["spec"]["replicas"] == 5
    assert changed["metadata"]["generation"] == 2


async def test_members_every_object_has_cannot_be_patched_away(client: Client) -> None:
    made = await client.create(kinds.DEPLOYMENTS, deployment("web"), "default")
    patched = await client.patch(kinds.DEPLOYMENTS, "web", {"status": None}, "default")
    assert patched == made
    with pytest.raises(Invalid):
        await client.patch(kinds.DEPLOYMENTS, "web", {"spec": None}, "default")


async def test_true_is_not_one(client: Client) -> None:
    await client.create(kinds.DEPLOYMENTS, deployment("web", 1), "default")
    with pytest.raises(ApiError):
        await client.patch(kinds.DEPLOYMENTS, "web", {"spec": {"replicas": True}}, "default")
    revision = {"metadata": {"name": "r"}, "revision": 1, "data": {"a": 1}}
    made = await client.create(kinds.CONTROLLER_REVISIONS, revision, "default")
    patch = {"metadata": {"labels": {"x": "y"}}}
    patched = await client.patch(kinds.CONTROLLER_REVISIONS, "r", patch, "default")
    assert patched["data"] == {"a": 1}
    assert made["data"] == {"a": 1}


async def test_concurrent_patches_all_take_effect(client: Client) -> None:
    await make(client, "a")
    await asyncio.gather(
        *(client.patch(kinds.CONFIG_MAPS, "a", {"data": {f"k{i}": "v"}}, "default") for i in range(5))
    )
    assert len((await client.get(kinds.CONFIG_MAPS, "a", "default"))["data"]) == 6


async def test_a_patch_that_names_a_version_insists_on_it(client: Client) -> None:
    (made,) = await make(client, "a")
    await client.patch(kinds.CONFIG_MAPS, "a", {"data": {"x": "1"}}, "default")
    version = made["metadata"]["resourceVersion"]
    with pytest.raises(Conflict):
        await client.patch(kinds.CONFIG_MAPS, "a", {"metadata": {"resourceVersion": version}}, "default")


async def test_apply_creates_owns_and_conflicts(client: Client) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "1"}}

    async def apply(manager: str, value: str, force: bool = False) -> Object:
        client._manager = manager
        patch = {**config, "data": {"k": value}}
        return await client.patch(
            kinds.CONFIG_MAPS, "a", patch, "default", content_type=APPLY_PATCH, force=force
        )

    assert (await apply("one", "1"))["data"] == {"k": "1"}
    with pytest.raises(Conflict, match=r'conflict with "one".*\.data\.k'):
        await apply("two", "2")
    assert (await apply("two", "2", force=True))["data"] == {"k": "2"}


async def test_a_patch_of_an_unknown_type_is_refused(client: Client) -> None:
    await make(client, "a")
    with pytest.raises(UnsupportedMediaType):
        await client.patch(kinds.CONFIG_MAPS, "a", {}, "default", content_type="application/json")


async def test_status_is_written_only_through_its_subresource(client: Client) -> None:
    made = await client.create(kinds.DEPLOYMENTS, deployment("web"), "default")
    both = {**made, "spec": {**made["spec"], "replicas": 7}, "status": {"replicas": 3}}
    status = await client.update(kinds.DEPLOYMENTS, both, subresource="status")
    assert (status["spec"]["replicas"], status["status"]["replicas"]) == (1, 3)
    main = await client.update(kinds.DEPLOYMENTS, {**status, "status": {"replicas": 9}})
    assert main["status"]["replicas"] == 3


async def test_scale_reads_and_writes_replicas(client: Client) -> None:
    await client.create(kinds.DEPLOYMENTS, deployment("web", 2), "default")
    scale = await client.get(kinds.DEPLOYMENTS, "web", "default", subresource="scale")
    assert (scale["spec"]["replicas"], scale["status"]["selector"]) == (2, "a=b")
    await client.patch(
        kinds.DEPLOYMENTS,
        "web",
        {"spec": {"replicas": 4}},
        "default",
        content_type=MERGE_PATCH,
        subresource="scale",
    )
    assert (await client.get(kinds.DEPLOYMENTS, "web", "default"))["spec"]["replicas"] == 4


async def test_binding_assigns_a_pod_once(client: Client) -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")
    await client.create(kinds.PODS, pod, "default")
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"name": "n1"}}
    await client.create(kinds.PODS, binding, "default", name="p", subresource="binding")
    bound = await client.get(kinds.PODS, "p", "default")
    assert bound["spec"]["nodeName"] == "n1"
    with pytest.raises(Conflict, match="already assigned"):
        await client.create(kinds.PODS, binding, "default", name="p", subresource="binding")


async def test_events_are_the_same_objects_in_both_groups(client: Client) -> None:
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"},
        "reason": "Started",
        "message": "hello",
        "type": "Normal",
    }
    await client.create(kinds.EVENTS, event, "default")
    same = await client.get(kinds.EVENTS_V1, "e", "default")
    assert (same["note"], same["regarding"]["name"], same["apiVersion"]) == ("hello", "p", "events.k8s.io/v1")
