"""The machinery all controllers share: informers feed a queue of keys, workers reconcile one key at a time.

    informer ──handler──> WorkQueue ──> reconcile(key) ──> done | again after n seconds | failed: again with
    back-off

A controller is a class with a name, a `setup` that says what it watches, and a `reconcile` that brings one
object to its spec. Caches may lag: what a reconcile wrote is remembered in `Writes`, and the key is not
worked on again before the caches show it. Every failure is retried with back-off, except `Terminal`; nothing
a reconcile raises ends the process.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from steersman.api import meta
from steersman.api.errors import ApiError, Conflict, Forbidden, NotFound
from steersman.client import ConnectionFailed, QueueShutDown, WorkQueue
from steersman.runtime import metrics
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.kinds import Resource
    from steersman.api.types import Object
    from steersman.client import Client, EventRecorder, Informer, Informers
    from steersman.controllers.config import ControllerManagerConfig
    from steersman.runtime.clock import Clock

__all__ = ["Context", "Controller", "Terminal", "Writes"]

_STALE_RETRY = 0.5  # seconds; how soon a key is looked at again whose writes the cache has not shown yet
_STALE_LIMIT = 300.0  # seconds after which a write that never showed is no longer waited for

_reconciles = metrics.counter("controller_reconcile_total", "Reconciles by result.", ("controller", "result"))
_seconds = metrics.histogram(
    "controller_reconcile_seconds", "Time of one reconcile.", ("controller",), buckets=(0.01, 0.1, 1.0)
)


class Terminal(Exception):
    """Trying again without a change of the object is useless: log it and wait for the change."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every controller is given."""

    client: Client
    informers: Informers
    recorder: EventRecorder
    clock: Clock
    config: ControllerManagerConfig


@dataclass(slots=True)
class _Pending:
    since: float
    versions: dict[Informer, int] = field(default_factory=dict)
    deleted: dict[Informer, dict[str, Object]] = field(default_factory=dict)


class Writes:
    """Writes that the caches have still to show, per key: what expectations are for in upstream's
    controllers.

    resourceVersions grow with every write of the cluster, so a cache has caught up when its own is not
    smaller.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pending: dict[str, _Pending] = {}

    def wrote(self, key: str, informer: Informer, obj: Object) -> None:
        """`obj` is what a create, update or patch answered."""
        version = int(obj["metadata"]["resourceVersion"])
        pending = self._of(key)
        pending.versions[informer] = max(version, pending.versions.get(informer, 0))

    def deleted(self, key: str, informer: Informer, obj: Object) -> None:
        """`obj` was deleted; it may still be there, terminating."""
        self._of(key).deleted.setdefault(informer, {})[meta.uid(obj)] = obj

    def shown(self, key: str) -> bool:
        """Whether the caches show all that was written for the key (or too much time has passed)."""
        pending = self._pending.get(key)
        if pending is None:
            return True
        if self._clock.monotonic() - pending.since < _STALE_LIMIT:
            if any(int(i.resource_version or 0) < version for i, version in pending.versions.items()):
                return False
            if any(not _gone(i, obj) for i, each in pending.deleted.items() for obj in each.values()):
                return False
        del self._pending[key]
        return True

    def forget(self, key: str) -> None:
        self._pending.pop(key, None)

    def _of(self, key: str) -> _Pending:
        return self._pending.setdefault(key, _Pending(self._clock.monotonic()))


def _gone(informer: Informer, obj: Object) -> bool:
    cached = informer.get(meta.name(obj), meta.namespace(obj))
    return cached is None or meta.uid(cached) != meta.uid(obj) or meta.deleting(cached)


class Controller:
    """Base of all controllers. Keys are `namespace/name` (or `name`) of the objects the controller is
    about."""

    name: ClassVar[str] = ""
    """As kube-controller-manager calls it, for logs, metrics and the `controllers` setting."""
    source: ClassVar[str] = ""
    """`source.component` of its events; default: `name`."""
    workers: ClassVar[int] = 4

    def __init__(self, context: Context) -> None:
        self.context = context
        self.client = context.client
        self.clock = context.clock
        self.config = context.config
        self.recorder = context.recorder.named(self.source or self.name)
        self.log = logging.getLogger(f"steersman.controllers.{self.name}")
        self.queue: WorkQueue[str] = WorkQueue(context.clock)
        self.writes = Writes(context.clock)
        self._informers: list[Informer] = []
        self.setup()

    def setup(self) -> None:
        """Say what is watched: `self.informer(...)`, `self.for_each(...)`, `self.for_owner(...)`."""
        raise NotImplementedError

    async def reconcile(self, key: str) -> float | None:
        """Bring the object of `key` to its spec; returns in how many seconds to look again, None for not at
        all."""
        raise NotImplementedError

    async def background(self, group: TaskGroup) -> None:
        """Start what runs beside the workers, in `group`; caches are filled."""

    def informer(self, resource: Resource, **selection: Any) -> Informer:
        """The shared informer; `run` waits for its first list."""
        informer = self.context.informers.informer(resource, **selection)
        if informer not in self._informers:
            self._informers.append(informer)
        return informer

    def for_each(self, informer: Informer) -> None:
        """Reconcile every object of the informer when it changes."""
        informer.add_handler(lambda old, new: self.queue.add(meta.key(new or old or {})))

    def for_owner(self, informer: Informer, owner: Resource) -> None:
        """Reconcile the controlling `owner` of every object when the object changes (both, when it moves)."""

        def handler(old: Object | None, new: Object | None) -> None:
            for obj in (old, new):
                if obj is not None:
                    self.enqueue_owner(obj, owner)

        informer.add_handler(handler)

    def enqueue_owner(self, obj: Object, owner: Resource) -> None:
        reference = meta.controller_of(obj)
        if reference is None or reference["kind"] != owner.kind:
            return
        if reference["apiVersion"].rpartition("/")[0] == owner.group:
            space = meta.namespace(obj)
            self.queue.add(f"{space}/{reference['name']}" if owner.namespaced else reference["name"])

    async def run(self) -> None:
        """Work until cancelled."""
        for informer in self._informers:
            await informer.wait_synced()
        async with TaskGroup() as group:
            await self.background(group)
            for number in range(self.config.workers or self.workers):
                group.spawn(self._work(), f"{self.name} worker {number}")

    async def process_next(self) -> None:
        """Take one key from the queue and reconcile it. Never raises for what the reconcile does."""
        key = await self.queue.get()
        try:
            await self._process(key)
        finally:
            self.queue.done(key)

    async def _work(self) -> None:
        try:
            while True:
                await self.process_next()
        except QueueShutDown:
            return

    async def _process(self, key: str) -> None:
        if not self.writes.shown(key):
            self.queue.add_after(key, _STALE_RETRY)
            return
        started = self.clock.monotonic()
        try:
            again = await self.reconcile(key)
        except Exception as error:  # noqa: BLE001 - the supervisor of every reconcile: logs and retries
            result = self._failed(key, error)
        else:
            result = "success" if again is None else "requeue_after"
            self.queue.forget(key)
            if again is not None:
                self.queue.add_after(key, again)
        _seconds.labels(self.name).observe(self.clock.monotonic() - started)
        _reconciles.labels(self.name, result).inc()

    def _failed(self, key: str, error: Exception) -> str:
        if isinstance(error, Terminal):
            self.log.warning("%s: %s", key, error)
            self.queue.forget(key)
            return "terminal"
        if isinstance(error, Forbidden) and _namespace_terminating(error):
            self.queue.forget(key)
            return "terminal"
        if isinstance(error, Conflict | NotFound | ConnectionFailed):
            self.log.debug("%s: %s", key, error)
        elif isinstance(error, ApiError):
            self.log.warning("%s: %s", key, error)
        else:
            self.log.error("%s: reconcile failed", key, exc_info=error)
        self.queue.add_rate_limited(key)
        return "error"


def _namespace_terminating(error: ApiError) -> bool:
    """Nothing new can be made in a namespace that is being deleted; there is no point in trying again."""
    causes: Iterable[Object] = (error.details or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
