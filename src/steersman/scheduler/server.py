"""The scheduling loop: take the next pod, find it a node, assume it there, bind it while the next one is
looked at.

    informers ─> Observer ─> Cluster (arrays) ─┐
                    └──────> Queue ──> Scheduler.try_pod ─> Evaluator.find ─> bind | evict | report
                               ^                                                 │
                               └──────────── an event that may help ─────────────┘

Everything up to the decision is synchronous and on one event loop, so it sees one consistent picture; only
what talks to the API server is a task. A binding that fails takes its assumption back and the pod tries
again.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import random
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from steersman.api.errors import ApiError, NotFound
from steersman.api.kinds import NAMESPACES, NODES, POD_DISRUPTION_BUDGETS, PODS
from steersman.api.labels import selector_from_label_selector
from steersman.client.leaderelection import leader_lease
from steersman.client.transport import ConnectionFailed
from steersman.runtime import metrics
from steersman.runtime.health import serve_health
from steersman.runtime.tasks import TaskGroup
from steersman.scheduler.cluster import Cluster
from steersman.scheduler.diagnosis import why_not
from steersman.scheduler.effects import Effects
from steersman.scheduler.framework import Event, FilterPlugin
from steersman.scheduler.nominations import Nominations
from steersman.scheduler.observer import Observer
from steersman.scheduler.passes import Evaluator, Found, Turned
from steersman.scheduler.plugins import PLUGINS
from steersman.scheduler.podinfo import Templates
from steersman.scheduler.preemption import Budget, plan_preemption
from steersman.scheduler.queue import Queue, Waiting
from steersman.scheduler.siblings import Siblings
from steersman.scheduler.slim import slim_pod

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steersman.api.types import Object
    from steersman.client.events import EventRecorder
    from steersman.client.informer import Informer, Informers
    from steersman.client.rest import Client
    from steersman.runtime.clock import Clock
    from steersman.scheduler.config import SchedulerConfig
    from steersman.scheduler.framework import Plugin
    from steersman.scheduler.podinfo import PodInfo

    Handler = Callable[[Object | None, Object | None], object]

__all__ = ["Scheduler", "run"]

log = logging.getLogger("steersman.scheduler")

BATCH = 16
"""Pods decided before other tasks get their turn."""
FLUSH_SECONDS = 30.0
NOBODY = "nodes"
"""Stands for a plug-in where there were no nodes to turn the pod away."""


async def run(
    config: SchedulerConfig, client: Client, informers: Informers, recorder: EventRecorder, clock: Clock
) -> None:
    """Schedule until cancelled. The informers and the recorder are run by the caller."""
    scheduler = Scheduler(config, client, informers, recorder, clock)
    async with AsyncExitStack() as stack:
        if config.health_port:
            checks = {"informers": scheduler.check_synced}
            await stack.enter_async_context(serve_health(config.health_bind, config.health_port, checks))
        if config.leader_elect:
            identity = config.identity or socket.gethostname()
            lease = leader_lease(client, "kube-scheduler", "kube-system", identity, clock=clock)
            await stack.enter_async_context(lease)
        await scheduler.run()


class Scheduler:
    def __init__(
        self,
        config: SchedulerConfig,
        client: Client,
        informers: Informers,
        recorder: EventRecorder,
        clock: Clock,
        *,
        plugins: Iterable[type[Plugin]] = PLUGINS,
        choose: Callable[[int], int] = random.randrange,
    ) -> None:
        self.cluster = Cluster()
        self._clock = clock
        self._config = config
        self._effects = Effects(client, recorder.named(config.scheduler_name), clock)
        self._evaluator = Evaluator(self.cluster, plugins, choose)
        filters = [p for p in self._evaluator.plugins if isinstance(p, FilterPlugin)]
        events = {p.name: p.events for p in filters} | {NOBODY: frozenset((Event.NODE_ADDED,))}
        self.queue = Queue(config, clock, events)
        self._nominations = Nominations()
        self._observer = Observer(
            config.scheduler_name, self.cluster, self.queue, Templates(), self._nominations
        )
        self._siblings = Siblings(informers)
        self.cluster.default_match = self._siblings.match
        self._pods = informers.informer(PODS, transform=slim_pod)
        self._nodes = informers.informer(NODES)
        self._namespaces = informers.informer(NAMESPACES)
        self._budgets = informers.informer(POD_DISRUPTION_BUDGETS)
        self._listening: list[tuple[Informer, Handler]] = []
        self._slots = asyncio.Semaphore(config.binding_parallelism)
        self._attempts = metrics.counter(
            "scheduler_schedule_attempts_total",
            "Attempts to schedule pods, by result.",
            ("result", "profile"),
        )
        pending = metrics.gauge("scheduler_pending_pods", "Pods waiting, by queue.", ("queue",))
        for place in self.queue.statistics():
            pending.labels(place).set_function(functools.partial(self._pending, place))

    async def run(self) -> None:
        try:
            await self._observe()
            async with TaskGroup() as group:
                group.forever(self._flush, "scheduler flush", clock=self._clock)
                while True:
                    await self.queue.wait_active()
                    await self._batch(group)
                    await asyncio.sleep(0)
        finally:
            self._stop_observing()

    async def check_synced(self) -> None:
        """Raises: RuntimeError while the caches are not filled."""
        if not all(informer.synced for informer in self._watched()):
            raise RuntimeError("the caches are not filled yet")

    def _watched(self) -> tuple[Informer, ...]:
        return self._namespaces, self._nodes, self._budgets, self._pods

    async def _observe(self) -> None:
        """Take in what there is: what pods are measured against first, then the pods."""
        self._listen(self._namespaces, self._observer.namespace_changed)
        self._listen(self._nodes, self._observer.node_changed)
        for informer in (self._namespaces, self._nodes, self._budgets):
            await informer.wait_synced()
        await self._siblings.wait_synced()
        self._listen(self._pods, self._observer.pod_changed)
        await self._pods.wait_synced()
        log.info("scheduling: %d nodes, %d pods waiting", self.cluster.node_count, len(self.queue))

    def _listen(self, informer: Informer, handler: Handler) -> None:
        informer.add_handler(handler)
        self._listening.append((informer, handler))

    def _stop_observing(self) -> None:
        for informer, handler in self._listening:
            informer.remove_handler(handler)
        self._siblings.close()

    async def _batch(self, group: TaskGroup) -> None:
        for _ in range(BATCH):
            await self._slots.acquire()  # before the pod is taken: what is taken must not grow old
            waiting = self.queue.pop()
            if waiting is None or waiting.pod.uid in self.cluster.pods:
                self._slots.release()
                return
            self.try_pod(waiting, group)

    def try_pod(self, waiting: Waiting, group: TaskGroup) -> None:
        """One attempt. Holds one slot, given back by the task it starts.

        A pod that found no node waits in the queue before anything else can happen, so that no event is
        missed. One that makes a plug-in fail is logged and tries again later; it must not keep others from
        nodes.
        """
        pod = waiting.pod
        try:
            with self._nominations.reserved(self.cluster, pod):
                found = self._find(waiting)
        except Exception:  # BLE001: one pod must not stop the others; logged with its name
            log.exception("cannot decide about %s", pod.key)
            self._count("error")
            self.queue.put_back(waiting, frozenset())
            self._slots.release()
            return
        if isinstance(found, Found):
            self._observer.assume(pod, found.node)
            group.spawn(self._bind(waiting, found.node), f"bind {pod.key}")
        else:
            self.queue.put_back(waiting, found.plugins or frozenset((NOBODY,)))
            group.spawn(self._give_up(pod, found), f"report {pod.key}")

    def _find(self, waiting: Waiting) -> Found | Turned:
        pod = waiting.pod
        row = self.cluster.row_of.get(self._nominations.node_of(pod.uid), -1)
        if row >= 0 and self._evaluator.fits(pod.template, row):
            return Found(self.cluster.names[row])
        return self._evaluator.find(pod.template)

    async def _bind(self, waiting: Waiting, node: str) -> None:
        pod = waiting.pod
        try:
            await self._effects.bind(pod, node)
            self._count("scheduled")
        except (ApiError, ConnectionFailed) as error:
            self._count("error")
            again = self._observer.forget(pod.uid)
            if again is not None and not isinstance(error, NotFound):
                log.warning("cannot bind %s to %s: %s", pod.key, node, error)
                self._effects.report(pod, f"binding rejected: {error}")
                waiting.pod = again
                self.queue.put_back(waiting, frozenset())
        finally:
            self._slots.release()

    async def _give_up(self, pod: PodInfo, turned: Turned) -> None:
        """No node will do: see whether evicting others helps, and say why."""
        try:
            self._count("unschedulable")
            with self._nominations.reserved(self.cluster, pod):
                eviction, note = plan_preemption(pod, turned, self._evaluator, self._read_budgets())
            message = why_not(turned, note)
            self._effects.report(pod, message)
            if eviction is None:
                self._nominations.remove(pod.uid)
            elif pod.uid in self._observer.alive:
                self._nominations.set(pod, eviction.node)
            nominated = eviction.node if eviction is not None else ""
            await self._effects.mark_unschedulable(pod, message, nominated)
            if eviction is not None:
                await self._effects.evict(eviction, pod)
        finally:
            self._slots.release()

    def _read_budgets(self) -> list[Budget]:
        return [
            Budget(
                budget["metadata"]["namespace"],
                selector_from_label_selector((budget.get("spec") or {}).get("selector")),
                (budget.get("status") or {}).get("disruptionsAllowed") or 0,
            )
            for budget in self._budgets.list()
        ]

    async def _flush(self) -> None:
        while True:
            await self._clock.sleep(FLUSH_SECONDS)
            self.queue.flush()

    def _pending(self, place: str) -> float:
        return self.queue.statistics()[place]

    def _count(self, result: str) -> None:
        self._attempts.labels(result, self._config.scheduler_name).inc()
