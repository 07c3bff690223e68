"""Objects of custom resources take the generic path, shaped by their schema."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.apiserver.apiextensions.definitions import CRON_TABS, cron_tab, install, wait_gone

from steersman.api import kinds
from steersman.api.errors import Invalid, MethodNotSupported, NotFound, UnsupportedMediaType
from steersman.client.rest import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.rest import Client


@pytest.fixture
async def tabs(client: Client) -> Client:
    """A client of a server that knows CronTabs."""
    await install(client)
    return client


async def test_unknown_fields_go_and_defaults_come(tabs: Client) -> None:
    made = await tabs.create(CRON_TABS, cron_tab(nonsense=1, extra={"any": [1]}), "default")
    assert made["spec"] == {"cronSpec": "* * * * */5", "image": "busybox", "extra": {"any": [1]}}
    assert made["metadata"]["generation"] == 1
    assert made["apiVersion"] == "stable.example.com/v1"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"cronSpec": 5}, 'spec.cronSpec in body must be of type string: "integer"'),
        ({"cronSpec": "x"}, "spec.cronSpec in body should match"),
        ({"cronSpec": None}, "spec.cronSpec: Required value"),
        ({"replicas": 11}, "spec.replicas in body should be less than or equal to 10"),
        ({"port": [1]}, 'spec.port in body must be of type integer,string: "array"'),
        ({"ports": [{"port": 1}, {"port": 1}]}, "spec.ports[1]: Duplicate value"),
        ({"template": {"kind": "Pod"}}, "spec.template.apiVersion: Required value"),
    ],
)
async def test_a_value_that_breaks_the_schema_is_refused(tabs: Client, spec: Object, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        await tabs.create(CRON_TABS, cron_tab(**spec), "default")
    assert text in caught.value.message
    assert caught.value.message.startswith('CronTab.stable.example.com "my" is invalid: ')


async def test_the_generation_counts_the_spec_and_not_the_status(tabs: Client) -> None:
    made = await tabs.create(CRON_TABS, cron_tab(replicas=1), "default")
    made["spec"]["replicas"] = 2
    made["status"] = {"replicas": 7}
    changed = await tabs.update(CRON_TABS, made)
    assert changed["metadata"]["generation"] == 2
    assert "status" not in changed
    changed["status"] = {"replicas": 7}
    changed["spec"]["replicas"] = 5
    seen = await tabs.update(CRON_TABS, changed, subresource="status")
    assert (seen["spec"]["replicas"], seen["status"]) == (2, {"replicas": 7})
    assert seen["metadata"]["generation"] == 2


async def test_scale_reads_and_writes_the_paths_of_the_definition(tabs: Client) -> None:
    made = await tabs.create(CRON_TABS, cron_tab(replicas=1), "default")
    made["status"] = {"replicas": 1, "selector": "app=x"}
    await tabs.update(CRON_TABS, made, subresource="status")
    scale = await tabs.get(CRON_TABS, "my", "default", subresource="scale")
    assert scale["spec"] == {"replicas": 1}
    assert scale["status"] == {"replicas": 1, "selector": "app=x"}
    patch = {"spec": {"replicas": 3}}
    scale = await tabs.patch(CRON_TABS, "my", patch, "default", content_type=MERGE_PATCH, subresource="scale")
    assert scale["spec"] == {"replicas": 3}
    assert (await tabs.get(CRON_TABS, "my", "default"))["spec"]["replicas"] == 3


async def test_patches_merge_and_strategic_ones_are_not_understood(tabs: Client) -> None:
    await tabs.create(CRON_TABS, cron_tab(replicas=1), "default")
    merged = await tabs.patch(
        CRON_TABS, "my", {"spec": {"replicas": None}}, "default", content_type=MERGE_PATCH
    )
    assert "replicas" not in merged["spec"]
    step = {"op": "add", "path": "/spec/replicas", "value": 4}
    assert (await tabs.patch(CRON_TABS, "my", [step], "default", content_type=JSON_PATCH))["spec"][
        "replicas"
    ] == 4
    with pytest.raises(UnsupportedMediaType):
        await tabs.patch(CRON_TABS, "my", {"spec": {}}, "default", content_type=STRATEGIC_PATCH)


async def test_apply_owns_list_elements_by_their_keys(tabs: Client) -> None:
    def config(port: int) -> Object:
        return cron_tab(ports=[{"port": port}]) | {"metadata": {"name": "my"}}

    for manager, port in (("a", 1), ("b", 2)):
        answer = await tabs.request(
            "PATCH",
            CRON_TABS.path("default", "my"),
            query={"fieldManager": manager},
            body=config(port),
            headers={"Content-Type": APPLY_PATCH},
        )
        assert answer.status in (200, 201), answer.json()
    assert (await tabs.get(CRON_TABS, "my", "default"))["spec"]["ports"] == [{"port": 1}, {"port": 2}]


async def test_unknown_fields_of_an_applied_configuration_are_refused_or_dropped(tabs: Client) -> None:
    async def apply(validation: str) -> Any:
        return await tabs.request(
            "PATCH",
            CRON_TABS.path("default", "my"),
            query={"fieldManager": "a", "fieldValidation": validation},
            body=cron_tab(nonsense=1),
            headers={"Content-Type": APPLY_PATCH},
        )

    assert (await apply("Strict")).status == 400
    assert (await apply("Ignore")).status == 201
    assert "nonsense" not in (await tabs.get(CRON_TABS, "my", "default"))["spec"]


async def test_keys_that_are_set_twice_are_named(tabs: Client) -> None:
    text = (
        "apiVersion: stable.example.com/v1\nkind: CronTab\nmetadata: {name: my}\n"
        "spec:\n  cronSpec: '* * * * 1'\n  image: a\n  image: b\n"
    )
    query = {"fieldManager": "a", "fieldValidation": "Strict"}
    headers = {"Content-Type": APPLY_PATCH}
    path = CRON_TABS.path("default", "my")
    answer = await tabs.request("PATCH", path, query=query, body=text.encode(), headers=headers)
    assert answer.status == 400
    assert 'line 7: key "image" already set in map' in answer.json()["message"]


async def test_metadata_has_its_form_at_the_root_and_in_embedded_objects(tabs: Client) -> None:
    template = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x", "unknownSub": 1},
        "spec": {"a": 1},
    }
    made = cron_tab(template=template)
    made["metadata"]["unknownMeta"] = 1
    query = {"fieldValidation": "Strict"}
    answer = await tabs.request("POST", CRON_TABS.path("default"), query=query, body=made)
    text = answer.json()["message"]
    assert 'unknown field "metadata.unknownMeta"' in text
    assert 'unknown field "spec.template.metadata.unknownSub"' in text
    stored = await tabs.create(CRON_TABS, made, "default")
    assert stored["spec"]["template"] == {**template, "metadata": {"name": "x"}}


async def test_selectable_fields_select(tabs: Client) -> None:
    await tabs.create(CRON_TABS, cron_tab("one", image="x"), "default")
    await tabs.create(CRON_TABS, cron_tab("two"), "default")
    found = await tabs.list(CRON_TABS, "default", field_selector="spec.image=x")
    assert [item["metadata"]["name"] for item in found["items"]] == ["one"]
    assert found["kind"] == "CronTabList"
    assert found["items"][0]["kind"] == "CronTab"


async def test_tables_show_the_printer_columns(tabs: Client) -> None:
    await tabs.create(CRON_TABS, cron_tab(replicas=3), "default")
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    table = (await tabs.request("GET", CRON_TABS.path("default"), headers={"Accept": accept})).json()
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Spec", "Replicas", "Age"]
    assert table["rows"][0]["cells"][:3] == ["my", "* * * * */5", 3]


async def test_deleting_the_definition_deletes_its_objects(tabs: Client) -> None:
    await tabs.create(CRON_TABS, cron_tab(), "default")
    await tabs.delete(kinds.CUSTOM_RESOURCE_DEFINITIONS, "crontabs.stable.example.com")
    await wait_gone(tabs)
    with pytest.raises(NotFound):
        await tabs.list(CRON_TABS, "default")
    await install(tabs)
    assert (await tabs.list(CRON_TABS, "default"))["items"] == []


async def test_watchers_see_the_objects_of_a_deleted_definition_go(tabs: Client) -> None:
    await tabs.create(CRON_TABS, cron_tab(), "default")
    start = (await tabs.list(CRON_TABS, "default"))["metadata"]["resourceVersion"]
    watching = tabs.watch(CRON_TABS, "default", resource_version=start)
    first = asyncio.ensure_future(anext(watching))
    await asyncio.sleep(0)
    await tabs.delete(kinds.CUSTOM_RESOURCE_DEFINITIONS, "crontabs.stable.example.com")
    async with asyncio.timeout(5):
        assert (await first).type == "DELETED"
        assert [event.type async for event in watching] == []


async def test_nothing_is_created_while_the_definition_goes(tabs: Client) -> None:
    held = cron_tab()
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await tabs.create(CRON_TABS, held, "default")
    await tabs.delete(kinds.CUSTOM_RESOURCE_DEFINITIONS, "crontabs.stable.example.com")
    with pytest.raises(MethodNotSupported, match="create not allowed"):
        await tabs.create(CRON_TABS, cron_tab("other"), "default")
    await tabs.patch(CRON_TABS, "my", {"metadata": {"finalizers": None}}, "default", content_type=MERGE_PATCH)
    await wait_gone(tabs)
