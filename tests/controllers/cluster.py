"""A cluster without nodes for tests: API server in process, controllers, and a hand that plays the
kubelet."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from steersman import controllers
from steersman.api import kinds, meta
from steersman.api.errors import ApiError
from steersman.api.times import rfc3339
from steersman.client import EventRecorder, Informers
from steersman.controllers import ControllerManagerConfig
from steersman.runtime.clock import SystemClock
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from steersman.api.types import Object
    from steersman.client import Client
    from steersman.runtime.clock import Clock

T = TypeVar("T")

IMAGE = "demo.example/web:1"


class Cluster:
    """What a test does to the running cluster and asks of it."""

    def __init__(self, client: Client, informers: Informers, clock: Clock, group: TaskGroup) -> None:
        self.client = client
        self.informers = informers
        self.clock = clock
        self._group = group
        self.hands: list[asyncio.Task[None]] = []

    def start_kubelet(self, ready: Callable[[Object], bool] = lambda pod: True) -> None:
        self.hands.append(self._group.spawn(self._play_kubelet(ready), "kubelet"))

    async def eventually(self, question: Callable[[], Awaitable[T | None]], what: str = "") -> T:
        """Ask until the answer is truthy; within ten real seconds."""
        answer: T | None = None
        try:
            async with asyncio.timeout(10):
                while True:
                    answer = await question()
                    if answer:
                        return answer
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"never happened: {what or question}; last answer {answer!r}") from None

    async def pods(self, selector: str = "", namespace: str = "default") -> list[Object]:
        listed = await self.client.list(kinds.PODS, namespace, label_selector=selector)
        found: list[Object] = listed["items"]
        return found

    async def _play_kubelet(self, ready: Callable[[Object], bool]) -> None:
        """Until cancelled: give every new pod a node and an address, make it run, let deleted ones go."""
        number = 0
        while True:
            for pod in await self.pods():
                try:
                    if meta.deleting(pod):
                        await self.client.delete(
                            kinds.PODS, meta.name(pod), "default", grace_period_seconds=0
                        )
                    elif not (pod.get("status") or {}).get("podIP") and ready(pod):
                        number += 1
                        await self.make_ready(pod, f"10.244.1.{number}")
                except ApiError:
                    continue
            await asyncio.sleep(0.01)

    async def make_ready(self, pod: Object, address: str) -> None:
        stamp = rfc3339(self.clock.time())
        condition = {"type": "Ready", "status": "True", "lastTransitionTime": stamp}
        status = (pod.get("status") or {}) | {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [condition],
        }
        await self.client.update(kinds.PODS, pod | {"status": status}, subresource="status")


@asynccontextmanager
async def running(
    client: Client, *only: str, clock: Clock | None = None, config: ControllerManagerConfig | None = None
) -> AsyncIterator[Cluster]:
    """Controllers (those named, or all) over the client's API server."""
    clock = clock or SystemClock()
    informers = Informers(client, clock)
    recorder = EventRecorder(client, "test", clock=clock)
    config = config or ControllerManagerConfig(controllers=only or ("*",), root_ca=b"PEM")
    async with TaskGroup() as group:
        tasks = [
            group.spawn(informers.run(), "informers"),
            group.spawn(recorder.run(), "events"),
            group.spawn(controllers.run(config, client, informers, recorder, clock), "controllers"),
        ]
        cluster = Cluster(client, informers, clock, group)
        try:
            yield cluster
        finally:
            for task in (*tasks, *cluster.hands):
                task.cancel()


def deployment(name: str = "web", replicas: int = 3, **spec: object) -> Object:
    labels = {"app": name}
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": IMAGE}]},
            },
            **spec,
        },
    }
