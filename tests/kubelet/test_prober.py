"""When probes are asked, and what changes when their answers do: on a clock that the test moves."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from steersman.kubelet.cri.observed import Container, PodRuntime
from steersman.kubelet.probes.handlers import Answer, Handlers, Target
from steersman.kubelet.probes.prober import Prober
from steersman.runtime.clock import FakeClock
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from steersman.api.types import Object


class Answers:
    """A second implementation of `Handlers`: answers as the test says, and counts."""

    def __init__(self) -> None:
        self.healthy: dict[str, bool] = {}
        self.asked: list[str] = []

    async def ask(self, action: Object, target: Target, timeout: float) -> Answer:
        self.asked.append(action["name"])
        return Answer(self.healthy.get(action["name"], True), "because")

    async def aclose(self) -> None:
        return


class Events:
    def __init__(self) -> None:
        self.messages: list[str] = []

    def event(self, obj: Object, type: str, reason: str, message: str, *, field_path: str = "") -> None:
        self.messages.append(message)


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.answers = Answers()
        self.events = Events()
        self.changes: list[str] = []
        self.prober = Prober(cast("Handlers", self.answers), self.events, self.clock, self.changes.append)

    def sync(self, pod: Object, identity: str = "c-0") -> Any:
        record = Container(identity, "c", 0, "s", "running", 1.0, started=self.clock.time())
        return self.prober.sync(pod, PodRuntime("u", containers=(record,)), "10.0.0.2")


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    async with TaskGroup() as group:
        task = group.spawn(made.prober.run(), "prober")
        await made.clock.settle()
        yield made
        task.cancel()


def probed(status: Object | None = None, **probes: Object) -> Object:
    container = {"name": "c", **{f"{kind}Probe": {"name": kind, **probe} for kind, probe in probes.items()}}
    return {"metadata": {"name": "p", "namespace": "ns", "uid": "u"}, "spec": {"containers": [container]}} | (
        {"status": status} if status else {}
    )


async def test_readiness_waits_for_its_delay_and_follows_its_thresholds() -> None:
    async with bench() as b:
        pod = probed(readiness={"initialDelaySeconds": 5, "periodSeconds": 10, "failureThreshold": 2})
        assert b.sync(pod).unready == {"c-0"}
        await b.clock.run_for(4)
        assert b.answers.asked == []
        await b.clock.run_for(2)
        assert b.sync(pod).unready == frozenset()
        b.answers.healthy["readiness"] = False
        await b.clock.run_for(10)
        assert b.sync(pod).unready == frozenset()
        await b.clock.run_for(10)
        assert b.sync(pod).unready == {"c-0"}
        assert b.events.messages == ["Readiness probe failed: because"] * 2


async def test_liveness_waits_for_startup_and_ends_with_its_failure() -> None:
    async with bench() as b:
        b.answers.healthy = {"startup": False, "liveness": False}
        pod = probed(
            startup={"periodSeconds": 1, "failureThreshold": 10},
            liveness={"periodSeconds": 1, "failureThreshold": 3},
        )
        assert b.sync(pod).started == frozenset()
        await b.clock.run_for(3.5)
        assert set(b.answers.asked) == {"startup"}
        b.answers.healthy["startup"] = True
        await b.clock.run_for(1)
        assert b.sync(pod).started == {"c-0"}
        await b.clock.run_for(10)
        assert b.answers.asked.count("liveness") == 3
        assert b.sync(pod).unhealthy == {"c-0": "liveness"}
        assert b.sync(pod, "c-1").unhealthy == {}


async def test_a_container_that_the_api_shows_as_ready_stays_so_until_it_fails() -> None:
    async with bench() as b:
        status = {"containerStatuses": [{"containerID": "containerd://c-0", "ready": True, "started": True}]}
        pod = probed(status, readiness={"initialDelaySeconds": 60}, startup={})
        health = b.sync(pod)
        assert (health.unready, health.started) == (frozenset(), {"c-0"})


async def test_a_prober_that_starts_anew_asks_for_what_was_watched() -> None:
    b = Bench()
    b.sync(probed(readiness={}))
    async with TaskGroup() as group:
        task = group.spawn(b.prober.run(), "prober")
        await b.clock.settle()
        assert b.changes == ["u"]
        b.sync(probed(readiness={}))
        await b.clock.run_for(1)
        assert b.answers.asked == ["readiness"]
        task.cancel()
