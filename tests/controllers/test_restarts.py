"""Controllers that are cut off at any moment: whoever comes after them finishes the work, and makes nothing
twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.controllers.cluster import deployment, running
from tests.controllers.test_workloads_live import finished, roll

from steersman.api import kinds, meta

if TYPE_CHECKING:
    from steersman.client import Client


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [1, 3, 8, 20, 50])
async def test_a_rollout_survives_restarts_of_its_controllers(client: Client, rounds: int) -> None:
    """`rounds`: how far the controllers get each time, in turns of the event loop."""
    await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default", "namespace": "default"}})
    await client.create(kinds.DEPLOYMENTS, deployment(replicas=4))
    for image in ("demo.example/web:2", "demo.example/web:3"):
        for _ in range(5):
            async with running(client) as cluster:
                cluster.start_kubelet()
                await client.list(kinds.NODES)
                for _ in range(rounds * 10):
                    await asyncio.sleep(0)
            living = [pod for pod in await cluster.pods() if not meta.deleting(pod)]
            assert len(living) <= 5  # replicas and maxSurge
        await roll(client, image)
    async with running(client) as cluster:
        cluster.start_kubelet()
        await cluster.eventually(lambda: finished(client))

        async def settled() -> bool:
            found = await cluster.pods()
            images = {pod["spec"]["containers"][0]["image"] for pod in found}
            return len(found) == 4 and images == {"demo.example/web:3"}

        await cluster.eventually(settled)
