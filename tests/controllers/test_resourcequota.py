"""ResourceQuotas in a cluster: counted when they come, given back when something goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.controllers.cluster import running

from steersman.api import kinds

if TYPE_CHECKING:
    from steersman.client import Client


def quota(**hard: str) -> dict[str, Any]:
    named = {key.replace("__", "/").replace("_", "."): value for key, value in hard.items()}
    return {"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": named}}


async def used(client: Client) -> dict[str, str]:
    found = await client.get(kinds.RESOURCE_QUOTAS, "q", "default")
    return (found.get("status") or {}).get("used") or {}


async def test_a_quota_follows_what_comes_and_goes(client: Client) -> None:
    async with running(client) as cluster:
        secret = {"metadata": {"name": "s"}}
        await client.create(kinds.SECRETS, secret, "default")
        await client.create(kinds.RESOURCE_QUOTAS, quota(secrets="2", count__jobs_batch="1"))

        async def counted(secrets: str) -> bool:
            return await used(client) == {"secrets": secrets, "count/jobs.batch": "0"}

        await cluster.eventually(lambda: counted("1"))
        await client.create(kinds.SECRETS, {"metadata": {"name": "t"}}, "default")
        assert await counted("2")
        await client.delete(kinds.SECRETS, "s", "default")
        await cluster.eventually(lambda: counted("1"))


async def test_a_finished_pod_gives_back_what_it_used(client: Client) -> None:
    async with running(client) as cluster:
        await client.create(kinds.RESOURCE_QUOTAS, quota(pods="1"))

        async def counted(pods: str) -> bool:
            return await used(client) == {"pods": pods}

        async def account() -> bool:
            return bool((await client.list(kinds.SERVICE_ACCOUNTS, "default"))["items"])

        await cluster.eventually(lambda: counted("0"))
        await cluster.eventually(account)
        spec = {"containers": [{"name": "c", "image": "i"}]}
        made = await client.create(kinds.PODS, {"metadata": {"name": "p"}, "spec": spec}, "default")
        assert await counted("1")
        made["status"] = {"phase": "Succeeded"}
        await client.update(kinds.PODS, made, subresource="status")
        await cluster.eventually(lambda: counted("0"))
