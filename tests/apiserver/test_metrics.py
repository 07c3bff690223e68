"""/metrics: the names dashboards and alerts ask for, with the numbers of what was done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from steersman.api import kinds

if TYPE_CHECKING:
    from steersman.client.rest import Client


def value(text: str, name: str, **labels: str) -> float:
    """The sum of the samples of a name that have these labels."""
    total, found = 0.0, False
    for line in text.splitlines():
        sample = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if sample is None or sample[1] != name:
            continue
        if all(f'{key}="{wanted}"' in (sample[2] or "") for key, wanted in labels.items()):
            total, found = total + float(sample[3]), True
    assert found, f"{name} {labels} is not there"
    return total


async def scrape(client: Client) -> str:
    answer = await client.request("GET", "/metrics")
    assert answer.status == 200
    return answer.body.decode()


async def test_requests_the_store_and_watches_are_counted(client: Client) -> None:
    await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": "first"}}, "default")
    before = await scrape(client)
    made = await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": "c"}}, "default")
    async for _ in client.watch(kinds.CONFIG_MAPS, "default", resource_version="0"):
        during = await scrape(client)
        break
    await client.update(kinds.CONFIG_MAPS, {**made, "data": {"a": "b"}})
    await client.delete(kinds.CONFIG_MAPS, "c", "default")
    after = await scrape(client)

    def grown(name: str, **labels: str) -> float:
        return value(after, name, resource="configmaps", **labels) - value(
            before, name, resource="configmaps", **labels
        )

    assert grown("apiserver_request_total", verb="POST", code="201") == 1
    assert grown("apiserver_request_sli_duration_seconds_count", verb="POST") == 1
    assert grown("etcd_requests_total", operation="create") == 1
    assert value(after, "etcd_request_duration_seconds_count", resource="configmaps", operation="delete") >= 1
    assert grown("apiserver_watch_cache_events_received_total") == 3
    assert value(during, "apiserver_longrunning_requests", resource="configmaps", scope="namespace") == 1
    assert (
        value(during, "apiserver_resource_objects", resource="configmaps")
        == value(after, "apiserver_storage_objects", resource="configmaps") + 1
    )
    assert value(after, "kubernetes_build_info", major="1") == 1
