"""When to ask: one small task for each probe of each running container.

Liveness and readiness wait for the startup probe; startup ends with its success; a container that failed
liveness or startup is not asked again (the pod's worker kills it, and its successor gets tasks of its own).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steersman.kubelet import metrics
from steersman.kubelet.pods import spec
from steersman.kubelet.probes import verdict
from steersman.kubelet.probes.handlers import Answer, Handlers, ProbeBroken, Target
from steersman.kubelet.probes.verdict import FIELDS, KINDS, Kind, Verdict
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from steersman.api.types import Object
    from steersman.client.events import Recorder
    from steersman.kubelet.cri.observed import Container, PodRuntime
    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.kubelet.probes")


@dataclass(frozen=True, slots=True)
class Health:
    """What the probes of one pod say, by container id."""

    started: frozenset[str] = frozenset()
    unready: frozenset[str] = frozenset()
    unhealthy: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Watched:
    """One running container with its verdicts and tasks."""

    pod: Object
    container: Object
    id: str
    since: float
    ip: str
    verdicts: dict[Kind, Verdict] = field(default_factory=dict)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    passed: asyncio.Event = field(default_factory=asyncio.Event)


class Prober:
    """Probes of all pods; `on_change(uid)` is called when a verdict changes."""

    def __init__(
        self, handlers: Handlers, recorder: Recorder, clock: Clock, on_change: Callable[[str], None]
    ) -> None:
        self._handlers = handlers
        self._recorder = recorder
        self._clock = clock
        self._on_change = on_change
        self._watched: dict[str, dict[str, _Watched]] = {}
        self._group: TaskGroup | None = None

    async def run(self) -> None:
        """Hold the tasks; until cancelled."""
        async with TaskGroup() as group:
            self._group = group
            self._begin_again()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._group = None
                await self._handlers.aclose()

    def _begin_again(self) -> None:
        """What was watched before this run has no tasks: let the workers ask for it anew."""
        lost = list(self._watched)
        self._watched.clear()
        for uid in lost:
            self._on_change(uid)

    def sync(self, pod: Object, runtime: PodRuntime, ip: str) -> Health:
        """Watch exactly the running containers of the pod; what is known of them now."""
        uid = pod["metadata"]["uid"]
        watched = self._watched.setdefault(uid, {})
        running = {}
        for container in spec.long_running(pod):
            latest = runtime.latest(container["name"])
            if latest is not None and latest.state == "running":
                running[latest.id] = (container, latest)
        for gone in watched.keys() - running.keys():
            _cancel(watched.pop(gone))
        for identity, (container, latest) in running.items():
            if identity not in watched:
                watched[identity] = self._begin(pod, container, latest, ip)
            watched[identity].pod = pod
        return _health(watched.values())

    def forget(self, uid: str) -> None:
        for one in self._watched.pop(uid, {}).values():
            _cancel(one)

    def _begin(self, pod: Object, container: Object, latest: Container, ip: str) -> _Watched:
        one = _Watched(pod, container, latest.id, latest.started, ip)
        ready, started = _was(pod, latest.id)
        for kind in KINDS:
            probe = container.get(FIELDS[kind])
            if not probe:
                continue
            one.verdicts[kind] = verdict.initial(kind)
            if (kind == "readiness" and ready) or (kind == "startup" and started):
                one.verdicts[kind] = Verdict(healthy=True, decided=True)
        if "startup" not in one.verdicts or one.verdicts["startup"].healthy:
            one.passed.set()
        if self._group is not None:
            for kind in one.verdicts:
                name = f"{kind} probe of {spec.full_name(pod)} {container['name']}"
                one.tasks.append(self._group.spawn(self._watch(one, kind), name))
        return one

    async def _watch(self, one: _Watched, kind: Kind) -> None:
        probe = one.container[FIELDS[kind]]
        if kind == "startup" and one.passed.is_set():
            return
        if kind != "startup":
            await one.passed.wait()
        await self._clock.sleep(one.since + verdict.initial_delay(probe) - self._clock.time())
        while True:
            before = one.verdicts[kind]
            after = verdict.judge(probe, before, (await self._ask(one, kind, probe)).healthy)
            one.verdicts[kind] = after
            if (after.healthy, after.decided) != (before.healthy, before.decided):
                if kind == "startup" and after.healthy:
                    one.passed.set()
                self._on_change(one.pod["metadata"]["uid"])
            if after.decided and (kind == "startup" or (kind == "liveness" and not after.healthy)):
                return
            await self._clock.sleep(verdict.period(probe))

    async def _ask(self, one: _Watched, kind: Kind, probe: Object) -> Answer:
        target = Target(one.container, one.id, one.ip)
        verb = "failed"
        try:
            answer = await self._handlers.ask(probe, target, verdict.timeout(probe))
        except ProbeBroken as error:
            answer, verb = Answer(False, str(error)), "errored"
        metrics.PROBES.labels(kind.capitalize(), "successful" if answer.healthy else "failed").inc()
        if not answer.healthy:
            message = f"{kind.capitalize()} probe {verb}: {answer.text}"
            path = f"spec.containers{{{one.container['name']}}}"
            self._recorder.event(one.pod, "Warning", "Unhealthy", message, field_path=path)
        return answer


def _was(pod: Object, identity: str) -> tuple[bool, bool]:
    """(ready, started) of the container as the API last showed it: an adopted container does not flap."""
    status = pod.get("status") or {}
    for group in ("containerStatuses", "initContainerStatuses"):
        for entry in status.get(group) or ():
            if entry.get("containerID", "").endswith(identity):
                return bool(entry.get("ready")), bool(entry.get("started"))
    return False, False


def _cancel(one: _Watched) -> None:
    for task in one.tasks:
        task.cancel()


def _health(watched: Iterable[_Watched]) -> Health:
    started: set[str] = set()
    unready: set[str] = set()
    unhealthy: dict[str, str] = {}
    for one in watched:
        if one.passed.is_set():
            started.add(one.id)
        readiness = one.verdicts.get("readiness")
        if readiness is not None and not readiness.healthy:
            unready.add(one.id)
        for kind in KINDS[:2]:
            found = one.verdicts.get(kind)
            if found is not None and found.decided and not found.healthy:
                unhealthy[one.id] = kind
    return Health(frozenset(started), frozenset(unready), unhealthy)
