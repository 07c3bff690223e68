"""Versions that a webhook converts: read, written, listed, watched in either version."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.apiserver.apiextensions.definitions import (
    CRON_TABS,
    cron_tab,
    definition,
    install,
    schema,
    version,
)
from tests.fixtures.webhook import json_patch

from steersman.api import kinds
from steersman.api.errors import ApiError, InternalError
from steersman.client.rest import MERGE_PATCH

if TYPE_CHECKING:
    from tests.fixtures.webhook import WebhookServer

    from steersman.api.types import Object
    from steersman.client.rest import Client

CRON_TABS_V2 = replace(CRON_TABS, version="v2")


def convert(request: Object) -> Object:
    """v1 has `cronSpec`, v2 calls it `schedule`."""
    made = []
    wanted = request["desiredAPIVersion"]
    for obj in request["objects"]:
        spec = dict(obj["spec"])
        old, new = ("cronSpec", "schedule") if wanted.endswith("v2") else ("schedule", "cronSpec")
        spec[new] = spec.pop(old)
        made.append({**obj, "apiVersion": wanted, "spec": spec})
    return {"convertedObjects": made, "result": {"status": "Success"}}


def fail(_request: Object) -> Object:
    return {"result": {"status": "Failed", "message": "no idea how"}}


@pytest.fixture
async def tabs(client: Client, webhook: WebhookServer) -> Client:
    """CronTabs in two versions, stored as v1."""
    spec: Any = {
        "type": "object",
        "properties": {"schedule": {"type": "string"}, "image": {"type": "string"}},
    }
    second = version("v2", storage=False, schema={"openAPIV3Schema": schema(spec)})
    made = definition(version(), second)
    client_config = webhook.on("/convert", convert)
    made["spec"]["conversion"] = {
        "strategy": "Webhook",
        "webhook": {"clientConfig": client_config, "conversionReviewVersions": ["v1"]},
    }
    await install(client, made)
    return client


async def test_an_object_is_read_in_either_version(tabs: Client) -> None:
    await tabs.create(CRON_TABS, cron_tab(), "default")
    seen = await tabs.get(CRON_TABS_V2, "my", "default")
    assert seen["spec"] == {"schedule": "* * * * */5", "image": "busybox"}
    assert seen["apiVersion"] == "stable.example.com/v2"
    listed = await tabs.list(CRON_TABS_V2, "default")
    assert listed["items"][0]["spec"] == seen["spec"]
    assert listed["metadata"]["resourceVersion"] >= seen["metadata"]["resourceVersion"]


async def test_an_object_is_written_in_either_version(tabs: Client) -> None:
    body = {"apiVersion": "stable.example.com/v2", "kind": "CronTab", "metadata": {"name": "two"}}
    made = await tabs.create(CRON_TABS_V2, {**body, "spec": {"schedule": "1 * * * *"}}, "default")
    assert made["spec"]["schedule"] == "1 * * * *"
    assert (await tabs.get(CRON_TABS, "two", "default"))["spec"]["cronSpec"] == "1 * * * *"
    patch = {"spec": {"schedule": "2 * * * *"}}
    changed = await tabs.patch(CRON_TABS_V2, "two", patch, "default", content_type=MERGE_PATCH)
    assert changed["spec"]["schedule"] == "2 * * * *"
    assert (await tabs.get(CRON_TABS, "two", "default"))["spec"]["cronSpec"] == "2 * * * *"
    await tabs.delete(CRON_TABS_V2, "two", "default")
    assert (await tabs.list(CRON_TABS, "default"))["items"] == []


async def test_a_watch_shows_its_own_version(tabs: Client) -> None:
    start = (await tabs.list(CRON_TABS_V2, "default"))["metadata"]["resourceVersion"]
    async with asyncio.timeout(5):
        await tabs.create(CRON_TABS, cron_tab(), "default")
        async for event in tabs.watch(CRON_TABS_V2, "default", resource_version=start):
            assert event.object["spec"]["schedule"] == "* * * * */5"
            break


async def test_a_live_watch_is_fed_without_readers(tabs: Client) -> None:
    start = (await tabs.list(CRON_TABS_V2, "default"))["metadata"]["resourceVersion"]
    found: asyncio.Future[Object] = asyncio.get_running_loop().create_future()

    async def follow() -> None:
        async for event in tabs.watch(CRON_TABS_V2, "default", resource_version=start):
            found.set_result(event.object)
            return

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(follow())
        await asyncio.sleep(0)
        await tabs.create(CRON_TABS, cron_tab(), "default")
    assert found.result()["spec"]["schedule"] == "* * * * */5"


async def test_a_webhook_that_fails_fails_the_request(tabs: Client, webhook: WebhookServer) -> None:
    await tabs.create(CRON_TABS, cron_tab(), "default")
    webhook.on("/convert", fail)
    with pytest.raises(InternalError, match=r"conversion webhook for .*Kind=CronTab failed: no idea how"):
        await tabs.get(CRON_TABS_V2, "my", "default")
    assert (await tabs.get(CRON_TABS, "my", "default"))["spec"]["image"] == "busybox"


def hook_configuration(name: str, client_config: Object) -> Object:
    """A configuration that asks a webhook about CronTabs as v2 shows them."""
    rule = {
        "apiGroups": ["stable.example.com"],
        "apiVersions": ["v2"],
        "resources": ["crontabs", "crontabs/scale"],
        "operations": ["CREATE", "UPDATE"],
    }
    hook = {
        "name": f"{name}.example.com",
        "clientConfig": client_config,
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return {"metadata": {"name": name}, "webhooks": [hook]}


async def test_admission_webhooks_are_shown_the_version_they_ask_for(
    tabs: Client, webhook: WebhookServer
) -> None:
    change = json_patch({"op": "add", "path": "/spec/schedule", "value": "9 * * * *"})
    config = hook_configuration("later", webhook.on("/mutate", lambda _: change))
    await tabs.create(kinds.MUTATING_WEBHOOK_CONFIGURATIONS, config)
    made = await tabs.create(CRON_TABS, cron_tab(), "default")
    assert made["spec"]["cronSpec"] == "9 * * * *"
    shown = next(asked["object"] for path, asked in webhook.asked if path == "/mutate")
    assert shown["apiVersion"] == "stable.example.com/v2"
    assert shown["spec"] == {"schedule": "* * * * */5", "image": "busybox"}


async def test_policies_judge_the_version_they_are_written_for(tabs: Client) -> None:
    rules = hook_configuration("p", {})["webhooks"][0]["rules"]
    validation = {"expression": "object.spec.schedule != '* * * * */5'", "message": "too often"}
    spec = {"matchConstraints": {"resourceRules": rules}, "validations": [validation]}
    await tabs.create(kinds.VALIDATING_ADMISSION_POLICIES, {"metadata": {"name": "p"}, "spec": spec})
    bound = {"policyName": "p", "validationActions": ["Deny"]}
    binding = {"metadata": {"name": "p"}, "spec": bound}
    await tabs.create(kinds.VALIDATING_ADMISSION_POLICY_BINDINGS, binding)
    with pytest.raises(ApiError, match="too often"):
        await tabs.create(CRON_TABS, cron_tab(), "default")


async def test_a_conversion_that_fails_on_the_way_to_admission_fails_the_write(
    tabs: Client, webhook: WebhookServer
) -> None:
    config = hook_configuration("see", webhook.on("/see", lambda _: {}))
    await tabs.create(kinds.VALIDATING_WEBHOOK_CONFIGURATIONS, config)
    webhook.on("/convert", fail)
    with pytest.raises(InternalError, match="no idea how"):
        await tabs.create(CRON_TABS, cron_tab(), "default")
