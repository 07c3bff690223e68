"""The scheduler against an API server in process: nodes and pods go in, bindings and events come out."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from tests.scheduler.objects import Object, node, pod

from steersman.api.kinds import EVENTS, LEASES, NODES, PODS, SERVICE_ACCOUNTS
from steersman.api.meta import get_condition
from steersman.client.events import EventRecorder
from steersman.client.informer import Informers
from steersman.runtime.clock import SystemClock
from steersman.runtime.tasks import TaskGroup
from steersman.scheduler.config import SchedulerConfig
from steersman.scheduler.framework import PerNodePlugin
from steersman.scheduler.plugins import PLUGINS
from steersman.scheduler.server import Scheduler, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from steersman.client.rest import Client
    from steersman.scheduler.podinfo import PodInfo, Template

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
async def account(client: Client) -> None:
    await client.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")


@asynccontextmanager
async def scheduling(client: Client, **settings: Any) -> AsyncIterator[Informers]:
    clock = SystemClock()
    informers, recorder = Informers(client, clock), EventRecorder(client, "default-scheduler", clock=clock)
    config = SchedulerConfig(initial_backoff=0.01)
    scheduler = Scheduler(config, client, informers, recorder, clock, **settings)
    async with TaskGroup() as group:
        running = [
            group.spawn(recorder.run(), "events"),
            group.spawn(informers.run(), "informers"),
            group.spawn(scheduler.run(), "scheduler"),
        ]
        yield informers
        for task in running:
            task.cancel()


async def until(informers: Informers, resource: Any, test: Callable[[list[Object]], bool]) -> list[Object]:
    """The cached objects once they pass `test`."""
    informer, changed = informers.informer(resource), asyncio.Event()

    def wake(old: Object | None, new: Object | None) -> None:
        changed.set()

    informer.add_handler(wake)
    try:
        while not test(informer.list()):
            changed.clear()
            await asyncio.wait_for(changed.wait(), 10)
        return informer.list()
    finally:
        informer.remove_handler(wake)


async def make_node(client: Client, obj: Object) -> None:
    status = obj.pop("status")
    made = await client.create(NODES, obj)
    made["spec"].pop("taints", None)
    made = await client.update(NODES, made)
    await client.update(NODES, made | {"status": status}, subresource="status")


async def make_pod(client: Client, obj: Object) -> None:
    obj["metadata"]["namespace"] = "default"
    del obj["metadata"]["uid"]
    await client.create(PODS, obj, "default")


def conditions(obj: Object) -> Object:
    return get_condition(obj.get("status", {}).get("conditions"), "PodScheduled") or {}


async def test_pods_get_nodes_and_events_say_so(client: Client) -> None:
    await make_node(client, node("a", cpu="1"))
    for i in range(4):
        await make_pod(client, pod(f"p{i}", requests={"cpu": "300m"}))
    async with scheduling(client) as informers:
        bound = "PodScheduled", "True"
        pods = await until(
            informers,
            PODS,
            lambda pods: (
                sum(conditions(p).get("status") == "True" for p in pods) == 3
                and any(conditions(p).get("reason") == "Unschedulable" for p in pods)
            ),
        )
        waiting = next(p for p in pods if "nodeName" not in p["spec"])
        assert conditions(waiting)["message"] == (
            "0/1 nodes are available: 1 Insufficient cpu. "
            "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
        )
        assert all(
            (conditions(p)["type"], conditions(p)["status"]) == bound for p in pods if p is not waiting
        )
        events = await until(informers, EVENTS, lambda events: len(events) >= 4)
        said = {e["reason"]: e["message"] for e in events}
        assert said["Scheduled"].endswith(" to a")
        assert said["Scheduled"].startswith("Successfully assigned default/p")
        assert said["FailedScheduling"].startswith("0/1 nodes are available: 1 Insufficient cpu.")
        await make_node(client, node("b"))
        await until(informers, PODS, lambda pods: all("nodeName" in p["spec"] for p in pods))


async def test_a_more_important_pod_takes_the_place_of_another(client: Client) -> None:
    await make_node(client, node("a", cpu="1"))
    await make_pod(client, pod("small", requests={"cpu": "1"}))
    async with scheduling(client) as informers:
        await until(informers, PODS, lambda pods: any("nodeName" in p["spec"] for p in pods))
        await make_pod(client, pod("vip", requests={"cpu": "1"}, priorityClassName="system-node-critical"))
        (small,) = [
            p
            for p in await until(
                informers, PODS, lambda pods: any(p["metadata"].get("deletionTimestamp") for p in pods)
            )
            if p["metadata"]["name"] == "small"
        ]
        target = get_condition(small["status"]["conditions"], "DisruptionTarget")
        assert target is not None
        assert target["reason"] == "PreemptionByScheduler"
        nominated = await until(
            informers, PODS, lambda pods: any(p["status"].get("nominatedNodeName") for p in pods)
        )
        assert {p["metadata"]["name"] for p in nominated if p["status"].get("nominatedNodeName")} == {"vip"}
        await client.delete(PODS, "small", "default", grace_period_seconds=0)
        await until(informers, PODS, lambda pods: [p["spec"].get("nodeName") for p in pods] == ["a"])


async def test_the_second_scheduler_waits_for_the_first(client: Client) -> None:
    clock = SystemClock()
    informers, recorder = Informers(client, clock), EventRecorder(client, "default-scheduler", clock=clock)
    async with TaskGroup() as group:
        reading = group.spawn(informers.run(), "informers")
        first, second = (
            group.spawn(
                run(SchedulerConfig(leader_elect=True, identity=name), client, informers, recorder, clock),
                name,
            )
            for name in ("first", "second")
        )
        leases = await until(informers, LEASES, lambda leases: any(leases))
        assert [lease["spec"]["holderIdentity"] for lease in leases] == ["first"]
        await make_node(client, node("a"))
        await make_pod(client, pod("p"))
        await until(informers, PODS, lambda pods: any("nodeName" in p["spec"] for p in pods))
        for task in (first, second, reading):
            task.cancel()


class Broken(PerNodePlugin):
    name: ClassVar[str] = "Broken"

    def fits(self, pod: Template, node: Object, pods: list[PodInfo]) -> str:
        if "evil" in pod.labels:
            raise RuntimeError("cannot stand this pod")
        return ""


async def test_a_pod_that_breaks_a_plugin_does_not_stop_the_others(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await make_node(client, node("a"))
    await make_pod(client, pod("evil", labels={"evil": "1"}))
    await make_pod(client, pod("good"))
    async with scheduling(client, plugins=(*PLUGINS, Broken)) as informers:
        await until(informers, PODS, lambda pods: any("nodeName" in p["spec"] for p in pods))
    assert "cannot decide about default/evil" in caplog.text
