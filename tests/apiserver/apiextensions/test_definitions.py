"""Definitions: accepted, established, changed, refused; their objects survive all of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from tests.apiserver.apiextensions.definitions import (
    CRON_TABS,
    cron_tab,
    definition,
    install,
    schema,
    version,
    wait_condition,
)

from steersman.api import kinds, meta
from steersman.api.errors import Invalid, NotFound
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.client.rest import MERGE_PATCH, Client
from steersman.store.memory import MemoryStore

if TYPE_CHECKING:
    from steersman.api.types import Object

CRDS = kinds.CUSTOM_RESOURCE_DEFINITIONS
CRON_TABS_V2 = replace(CRON_TABS, version="v2")
NAME = "crontabs.stable.example.com"


def _coloured(default: str) -> Object:
    """A spec with another field than the usual one."""
    colour = {"type": "string", "default": default}
    return {"type": "object", "properties": {"cronSpec": {"type": "string"}, "colour": colour}}


async def test_a_definition_is_accepted_and_established(client: Client) -> None:
    found = await install(client)
    names = meta.get_condition(found, "NamesAccepted")
    assert names is not None
    assert (names["status"], names["reason"]) == ("True", "NoConflicts")
    assert found["status"]["acceptedNames"]["listKind"] == "CronTabList"
    assert found["status"]["storedVersions"] == ["v1"]


async def test_discovery_and_openapi_show_it_at_once(client: Client) -> None:
    await install(client)
    listed = (await client.request("GET", "/apis/stable.example.com/v1")).json()["resources"]
    assert [one["name"] for one in listed] == ["crontabs", "crontabs/scale", "crontabs/status"]
    assert listed[0]["shortNames"] == ["ct"]
    document = (await client.request("GET", "/openapi/v3/apis/stable.example.com/v1")).json()
    kind = document["components"]["schemas"]["com.example.stable.v1.CronTab"]
    assert kind["properties"]["spec"]["properties"]["cronSpec"]["description"] == "When it runs."
    whole = (await client.request("GET", "/openapi/v2")).json()
    assert "com.example.stable.v1.CronTab" in whole["definitions"]


async def test_a_name_that_is_taken_waits_until_it_is_free(client: Client) -> None:
    await install(client)
    other = definition(plural="tabs", singular="tab", kind="Tab")
    await client.create(CRDS, other)
    found = await wait_condition(client, "tabs.stable.example.com", "NamesAccepted", "False")
    condition = meta.get_condition(found, "NamesAccepted")
    assert condition is not None
    assert (condition["reason"], condition["message"]) == ("ShortNamesConflict", '"ct" is already in use')
    await client.delete(CRDS, NAME)
    await wait_condition(client, "tabs.stable.example.com", "Established")


async def test_versions_share_their_objects(client: Client) -> None:
    coloured = {"openAPIV3Schema": schema(_coloured("blue"))}
    second = version("v2", storage=False, schema=coloured, selectableFields=[])
    await install(client, definition(version(), second))
    await client.create(CRON_TABS, cron_tab(replicas=1), "default")
    seen = await client.get(CRON_TABS_V2, "my", "default")
    assert seen["apiVersion"] == "stable.example.com/v2"
    assert seen["spec"] == {"cronSpec": "* * * * */5", "colour": "blue"}
    listed = await client.list(CRON_TABS_V2, "default")
    assert listed["items"][0]["apiVersion"] == "stable.example.com/v2"
    assert (await client.get(CRON_TABS, "my", "default"))["spec"]["replicas"] == 1


async def test_a_new_storage_version_is_remembered_and_an_old_one_must_stay(client: Client) -> None:
    await install(client)
    await client.create(CRON_TABS, cron_tab(), "default")
    changed = {"spec": {"versions": [version(storage=False), version("v2")]}}
    found = await client.patch(CRDS, NAME, changed, content_type=MERGE_PATCH)
    assert found["status"]["storedVersions"] == ["v1", "v2"]
    assert (await client.get(CRON_TABS_V2, "my", "default"))["apiVersion"] == "stable.example.com/v2"
    with pytest.raises(Invalid, match="v1 was previously a storage version"):
        await client.patch(CRDS, NAME, {"spec": {"versions": [version("v2")]}}, content_type=MERGE_PATCH)


async def test_old_objects_follow_a_changed_schema(client: Client) -> None:
    await install(client)
    await client.create(CRON_TABS, cron_tab(replicas=3), "default")
    fresh = {"openAPIV3Schema": schema(_coloured("red"))}
    versions = [version(schema=fresh, selectableFields=[])]
    await client.patch(CRDS, NAME, {"spec": {"versions": versions}}, content_type=MERGE_PATCH)
    found = (await client.list(CRON_TABS, "default"))["items"][0]
    assert found["spec"] == {"cronSpec": "* * * * */5", "colour": "red"}


async def test_live_watches_end_when_the_definition_changes(client: Client) -> None:
    await install(client)
    listed = await client.list(CRON_TABS, "default")
    seen: list[str] = []
    first = asyncio.Event()

    async def follow() -> None:
        start = listed["metadata"]["resourceVersion"]
        async for event in client.watch(CRON_TABS, "default", resource_version=start):
            seen.append(event.type)
            first.set()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        watching = group.create_task(follow())
        await client.create(CRON_TABS, cron_tab(), "default")
        await first.wait()
        changed = [version(additionalPrinterColumns=[])]
        await client.patch(CRDS, NAME, {"spec": {"versions": changed}}, content_type=MERGE_PATCH)
        await watching
    assert seen == ["ADDED"]


async def test_definitions_and_objects_survive_a_restart() -> None:
    store = MemoryStore()
    config = APIServerConfig(store="memory")
    async with APIServer(config, store=store, listen=False) as server, Client(server.transport()) as client:
        await install(client)
        await client.create(CRON_TABS, cron_tab(), "default")
    async with APIServer(config, store=store, listen=False) as server, Client(server.transport()) as client:
        assert (await client.get(CRON_TABS, "my", "default"))["spec"]["image"] == "busybox"


async def test_rules_guard_objects(client: Client) -> None:
    spec = schema()["properties"]["spec"]
    rules = [
        {"rule": "self.replicas < 5", "messageExpression": "'too many: ' + string(self.replicas)"},
        {
            "rule": "self.cronSpec == oldSelf.cronSpec",
            "message": "cronSpec is immutable",
            "fieldPath": ".cronSpec",
        },
    ]
    guarded = schema({**spec, "x-kubernetes-validations": rules})
    await install(client, definition(version(schema={"openAPIV3Schema": guarded})))
    with pytest.raises(Invalid, match=r"spec: Invalid value: too many: 7"):
        await client.create(CRON_TABS, cron_tab(replicas=7), "default")
    made = await client.create(CRON_TABS, cron_tab(replicas=1), "default")
    made["spec"]["cronSpec"] = "1 * * * *"
    with pytest.raises(Invalid, match=r"spec\.cronSpec: Invalid value: cronSpec is immutable"):
        await client.update(CRON_TABS, made)


async def test_a_deprecated_version_warns(client: Client) -> None:
    await install(client, definition(version(deprecated=True)))
    answer = await client.request("GET", CRON_TABS.path("default"))
    assert "stable.example.com/v1 CronTab is deprecated" in str(answer.headers.get("Warning"))


def _with(path: str, value: Any) -> Object:
    """The definition with one field changed; `path` of names and indexes between slashes."""
    made: Object = orjson.loads(orjson.dumps(definition()))
    *above, last = path.split("/")
    place: Any = made
    for step in above:
        place = place[int(step)] if step.isdecimal() else place[step]
    if value is None:
        del place[last]
    else:
        place[int(last) if last.isdecimal() else last] = value
    return made


_SPEC = "spec/versions/0/schema/openAPIV3Schema/properties/spec"


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("metadata/name", "x.y", 'must be spec.names.plural+"."+spec.group'),
        ("spec/scope", "Galaxy", 'spec.scope: Unsupported value: "Galaxy"'),
        ("spec/names/plural", "Tabs", "spec.names.plural: Invalid value"),
        ("spec/versions/0/name", "V1", "spec.versions[0].name: Invalid value"),
        ("spec/versions/0/storage", False, "must have exactly one version marked as storage version"),
        ("spec/versions/0/schema", None, "spec.versions[0].schema.openAPIV3Schema: Required value"),
        (f"{_SPEC}/type", None, "must not be empty for specified object fields"),
        (f"{_SPEC}/properties/image/default", 5, "properties[image].default: Invalid value"),
        (f"{_SPEC}/properties/image/type", "text", 'Unsupported value: "text"'),
        (f"{_SPEC}/properties/cronSpec/pattern", "(", "must be a valid regular expression"),
        (f"{_SPEC}/properties/ports/x-kubernetes-list-map-keys", ["nope"], "entries must all be names"),
        (f"{_SPEC}/additionalProperties", {"type": "string"}, "are mutual exclusive"),
        ("spec/versions/0/additionalPrinterColumns/0/type", "colour", "must be one of boolean,date"),
        ("spec/versions/0/subresources/scale/specReplicasPath", ".status.x", "a json path under .spec"),
        ("spec/versions/0/selectableFields/0/jsonPath", ".spec.nope", "is an invalid path"),
        ("spec/conversion", {"strategy": "Webhook"}, "required when strategy is set to Webhook"),
        ("spec/group", "widgets.k8s.io", "protected groups must have approval annotation"),
        (f"{_SPEC}/x-kubernetes-validations", [{"rule": "self.nope == 1"}], "undefined field 'nope'"),
    ],
)  # fmt: skip
async def test_a_definition_that_is_wrong_is_refused(
    client: Client, path: str, value: Any, text: str
) -> None:
    made = _with(path, value)
    if path == "spec/group":
        made["metadata"]["name"] = f"crontabs.{value}"
    with pytest.raises(Invalid) as caught:
        await client.create(CRDS, made)
    assert text in caught.value.message


async def test_what_is_established_keeps_its_scope_and_kind(client: Client) -> None:
    await install(client)
    for change in ({"scope": "Cluster"}, {"names": {"kind": "Other"}}):
        with pytest.raises(Invalid, match="field is immutable"):
            await client.patch(CRDS, NAME, {"spec": change}, content_type=MERGE_PATCH)


async def test_an_unserved_version_is_not_found(client: Client) -> None:
    await install(client, definition(version(), version("v2", storage=False, served=False)))
    with pytest.raises(NotFound):
        await client.list(CRON_TABS_V2, "default")
