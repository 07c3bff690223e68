"""Pods that wait for a node: active, backing off, or until something happens that may let them through.

    active          a heap: the highest priority first, then the longest waiting
    backoff         a heap by time: tried not long ago, will be active when the time has come
    unschedulable   found no node; an event that concerns a plug-in which turned it away moves it on
    gated           has scheduling gates; only a change of the pod itself moves it on

Purely in memory and synchronous; only `wait_active` waits. A pod is in one place at most; taken out by
`pop`, it is the caller's until it is put back or forgotten.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from steersman.runtime.clock import Clock
    from steersman.scheduler.config import SchedulerConfig
    from steersman.scheduler.framework import Event
    from steersman.scheduler.podinfo import PodInfo

__all__ = ["Queue", "Waiting"]

Place = Literal["active", "backoff", "unschedulable", "gated"]


@dataclass(slots=True, eq=False)
class Waiting:
    pod: PodInfo
    since: float
    """Monotonic seconds of its first entry."""
    attempts: int = 0
    tried: float = 0.0
    """Monotonic seconds of the last attempt."""
    plugins: frozenset[str] = frozenset()
    """What turned it away."""
    place: Place = "active"
    ticket: int = 0
    """Number of its entry in a heap; an entry with another number is stale."""


class Queue:
    def __init__(self, config: SchedulerConfig, clock: Clock, events: Mapping[str, frozenset[Event]]) -> None:
        self._config = config
        self._clock = clock
        self._events = events
        """By plug-in name: what may let a pod pass that it turned away."""
        self._pods: dict[str, Waiting] = {}
        self._active: list[tuple[int, float, int, str]] = []
        self._backoff: list[tuple[float, int, str]] = []
        self._parked: dict[str, dict[str, Waiting]] = {}
        """Unschedulable pods by uid, under each plug-in that turned them away."""
        self._tickets = itertools.count(1)
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._pods)

    def statistics(self) -> dict[str, int]:
        counted = dict.fromkeys(("active", "backoff", "unschedulable", "gated"), 0)
        for waiting in self._pods.values():
            counted[waiting.place] += 1
        return counted

    def get(self, uid: str) -> Waiting | None:
        return self._pods.get(uid)

    # --- in and out ---

    def add(self, pod: PodInfo) -> None:
        """A new pod, or a changed one: a change of the pod itself may let it through."""
        waiting = self._pods.get(pod.uid)
        if waiting is None:
            waiting = self._pods[pod.uid] = Waiting(pod, self._clock.monotonic())
            self._place(waiting, "gated" if pod.gates else "active")
            return
        changed = waiting.pod.template is not pod.template or waiting.pod.gates != pod.gates
        priority = waiting.pod.priority != pod.priority
        waiting.pod = pod
        if pod.gates:
            self._place(waiting, "gated")
        elif waiting.place == "gated":
            self._place(waiting, "active")
        elif changed and waiting.place == "unschedulable":
            self._move_on(waiting)
        elif priority and waiting.place == "active":
            self._place(waiting, "active")

    def remove(self, uid: str) -> Waiting | None:
        waiting = self._pods.pop(uid, None)
        if waiting is not None:
            self._unpark(waiting)
        return waiting

    def pop(self) -> Waiting | None:
        """The next pod to try; None when none is active."""
        self._ripen()
        while self._active:
            *_, ticket, uid = heapq.heappop(self._active)
            waiting = self._pods.get(uid)
            if waiting is not None and waiting.ticket == ticket and waiting.place == "active":
                del self._pods[uid]
                waiting.attempts += 1
                waiting.tried = self._clock.monotonic()
                return waiting
        return None

    def put_back(self, waiting: Waiting, plugins: frozenset[str]) -> None:
        """It found no node. Without plug-ins to blame (an error), time alone brings it back."""
        waiting.plugins = plugins
        self._pods[waiting.pod.uid] = waiting
        self._place(waiting, "unschedulable" if plugins else "backoff")

    # --- moving on ---

    def move(self, event: Event, concerns: Callable[[PodInfo], bool] | None = None) -> None:
        """Something happened: let every pod it may help try again."""
        for name in [n for n in self._parked if event in self._events.get(n, ())]:
            for waiting in list(self._parked.get(name, {}).values()):
                if concerns is None or concerns(waiting.pod):
                    self._move_on(waiting)

    def flush(self) -> None:
        """Let pods that no event has concerned for long try again."""
        limit = self._clock.monotonic() - self._config.unschedulable_timeout
        for waiting in list(self._pods.values()):
            if waiting.place == "unschedulable" and waiting.tried <= limit:
                self._move_on(waiting)

    async def wait_active(self) -> None:
        """Return when `pop` may have something to give."""
        while True:
            self._ripen()
            if self._active:
                return
            self._wake.clear()
            timer = None
            if self._backoff:
                delay = self._backoff[0][0] - self._clock.monotonic()
                timer = self._clock.call_later(max(delay, 0.0), self._wake.set)
            try:
                await self._wake.wait()
            finally:
                if timer is not None:
                    timer.cancel()

    def _move_on(self, waiting: Waiting) -> None:
        self._place(waiting, "backoff" if self._ready_at(waiting) > self._clock.monotonic() else "active")

    def _ready_at(self, waiting: Waiting) -> float:
        if not waiting.attempts:
            return 0.0
        delay = self._config.initial_backoff * float(1 << min(waiting.attempts - 1, 30))
        return waiting.tried + min(delay, self._config.max_backoff)

    def _ripen(self) -> None:
        now = self._clock.monotonic()
        while self._backoff and self._backoff[0][0] <= now:
            _, ticket, uid = heapq.heappop(self._backoff)
            waiting = self._pods.get(uid)
            if waiting is not None and waiting.ticket == ticket and waiting.place == "backoff":
                self._place(waiting, "active")

    def _place(self, waiting: Waiting, place: Place) -> None:
        uid = waiting.pod.uid
        self._unpark(waiting)
        waiting.place = place
        waiting.ticket = ticket = next(self._tickets)
        if place == "unschedulable":
            for name in waiting.plugins:
                self._parked.setdefault(name, {})[uid] = waiting
        elif place == "active":
            heapq.heappush(self._active, (-waiting.pod.priority, waiting.since, ticket, uid))
            self._wake.set()
        elif place == "backoff":
            heapq.heappush(self._backoff, (self._ready_at(waiting), ticket, uid))
            self._wake.set()

    def _unpark(self, waiting: Waiting) -> None:
        if waiting.place != "unschedulable":
            return
        for name in waiting.plugins:
            pods = self._parked.get(name, {})
            pods.pop(waiting.pod.uid, None)
            if not pods:
                self._parked.pop(name, None)
