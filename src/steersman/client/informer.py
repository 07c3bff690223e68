"""List-and-watch caches, shared by everything in a process.

    Informers ── one Informer per (resource, namespace, selectors, metadata_only)
                    list ──> replace the cache ──> watch from that resourceVersion ──> apply events
                     ^                                        │
                     └── Expired (or a gap) ──────────────────┘   any other break: watch on from the last
                     version

Handlers are synchronous and see each change once, in order; there is no periodic resync. Objects are shared:
read-only. Every cached object has apiVersion and kind, and no managedFields. The cache may be behind the
server, never torn.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from steersman.api.errors import ApiError, Gone
from steersman.client.transport import ConnectionFailed
from steersman.runtime.backoff import Backoff
from steersman.runtime.clock import SystemClock
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steersman.api.kinds import Resource
    from steersman.api.labels import Selector
    from steersman.api.types import Object
    from steersman.client.rest import Client, WatchEvent
    from steersman.runtime.clock import Clock

    Objects = list[Object]
    Handler = Callable[[Object | None, Object | None], object]
    Transform = Callable[[Object], Object]

__all__ = ["Informer", "Informers", "drop_managed_fields"]

_WATCH_SECONDS = (300, 600)  # how long one watch may last, as client-go's reflector
_SHORT_WATCH = 1.0  # seconds; a watch that ends sooner without an event counts as a failure
_LIST_AGAIN = (400, 504)  # a version that the server does not know: its store was put back to an older state
_OUTAGE_EVERY = 30.0  # seconds between two messages about an API server that does not answer
log = logging.getLogger("steersman.client.informer")


def drop_managed_fields(obj: Object) -> Object:
    """The default transform: controllers never read managedFields, and they are half of a small object."""
    meta = obj.get("metadata")
    if meta is not None:
        meta.pop("managedFields", None)
    return obj


def only_metadata(obj: Object) -> Object:
    """The transform of metadata-only informers: what ownership and deletion need, nothing else."""
    meta = obj.get("metadata") or {}
    kept = {key: meta[key] for key in _METADATA_FIELDS if key in meta}
    return {"apiVersion": obj.get("apiVersion"), "kind": obj.get("kind"), "metadata": kept}


_METADATA_FIELDS = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "ownerReferences",
    "finalizers",
)


class Outage:
    """Says that the API server cannot be reached once in a while, not once for every informer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said = float("-inf")

    def note(self, error: Exception) -> None:
        now = self._clock.monotonic()
        if now - self._said >= _OUTAGE_EVERY:
            self._said = now
            log.warning("cannot reach the API server, trying on: %s", error)


class Informer:
    """A list-and-watch cache of one resource. Made by `Informers`."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        transform: Transform | None = None,
        metadata_only: bool = False,
        clock: Clock | None = None,
        outage: Outage | None = None,
    ) -> None:
        self.resource = resource
        self.namespace = namespace
        self.resource_version = ""
        """Version of the last change seen."""
        self._client = client
        self._clock = clock or SystemClock()
        self._outage = outage or Outage(self._clock)
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._metadata_only = metadata_only
        self._transform = transform or (only_metadata if metadata_only else drop_managed_fields)
        self._objects: dict[
            str, dict[str, Object]
        ] = {}  # namespace ("" when cluster-scoped) -> name -> object
        self._indexes: dict[str, _Index] = {}
        self._handlers: list[Handler] = []
        self._synced = asyncio.Event()
        self._backoff = Backoff(0.1, 2.0, 5.0, jitter=0.5, reset_after=60.0, clock=self._clock)

    def __repr__(self) -> str:
        return f"<Informer {self.resource.plural}.{self.resource.group} {len(self)}>"

    def __len__(self) -> int:
        return sum(map(len, self._objects.values()))

    @property
    def synced(self) -> bool:
        """The first list is in the cache and every handler has seen it."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        await self._synced.wait()

    def get(self, name: str, namespace: str | None = None) -> Object | None:
        return self._objects.get(namespace or "", _NOTHING).get(name)

    def list(self, namespace: str | None = None, selector: Selector | None = None) -> list[Object]:
        """Objects of one namespace, or of all; those whose labels the selector matches."""
        if namespace is None:
            found = [obj for each in self._objects.values() for obj in each.values()]
        else:
            found = list(self._objects.get(namespace, _NOTHING).values())
        if selector is not None and not selector.empty:
            found = [obj for obj in found if selector.matches(obj["metadata"].get("labels"))]
        return found

    def add_index(self, name: str, keys: Callable[[Object], Iterable[str]]) -> None:
        """Index objects under each of `keys(obj)`; a second call with the same name changes nothing."""
        if name in self._indexes:
            return
        index = self._indexes[name] = _Index(keys)
        for obj in self.list():
            index.change(None, obj)

    def by_index(self, name: str, key: str) -> Objects:
        return list(self._indexes[name].entries.get(key, _NOTHING).values())

    def add_handler(self, handler: Handler) -> None:
        """Call `handler(old, new)`: added (None, new), updated (old, new), deleted (old, None).

        What is cached is replayed as added. Handlers must not block; one that raises is logged and kept.
        """
        self._handlers.append(handler)
        for obj in self.list():
            self._call(handler, None, obj)

    def remove_handler(self, handler: Handler) -> None:
        self._handlers.remove(handler)

    async def run(self) -> None:
        """List and watch until cancelled, whatever the server does."""
        while True:
            try:
                if not self.resource_version:
                    await self._list()
                await self._watch()
                continue
            except Gone:
                log.debug(
                    "%s: version %s is gone, listing again", self.resource.plural, self.resource_version
                )
                self.resource_version = ""
            except ConnectionFailed as error:
                self._outage.note(error)
            except ApiError as error:
                log.warning("%s: %s", self.resource.plural, error)
                if error.code in _LIST_AGAIN:
                    self.resource_version = ""
            except Exception:  # the supervisor of the watch (BLE001): logs
                log.exception("%s: listing again after an unexpected failure", self.resource.plural)
                self.resource_version = ""
            await self._clock.sleep(self._backoff.next())

    async def _list(self) -> None:
        answer = await self._client.list(
            self.resource,
            self.namespace,
            resource_version="" if self._synced.is_set() else "0",
            metadata_only=self._metadata_only,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
        )
        fresh: dict[tuple[str, str], Object] = {}
        for item in answer.get("items") or ():
            obj = self._prepared(item)
            fresh[_key(obj)] = obj
        stale = [obj for obj in self.list() if _key(obj) not in fresh]
        for obj in stale:
            self._change(obj, None)
        for key, obj in fresh.items():
            old = self._objects.get(key[0], _NOTHING).get(key[1])
            if old is None or not _same(old, obj):
                self._change(old, obj)
        self.resource_version = answer["metadata"]["resourceVersion"]
        self._synced.set()

    async def _watch(self) -> None:
        started = self._clock.monotonic()
        before = self.resource_version
        watch = self._client.watch(
            self.resource,
            self.namespace,
            resource_version=before,
            timeout_seconds=random.randint(*_WATCH_SECONDS),
            metadata_only=self._metadata_only,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
        )
        async with aclosing(watch) as events:
            async for event in events:
                self._apply(event)
        if self.resource_version == before and self._clock.monotonic() - started < _SHORT_WATCH:
            raise ConnectionFailed("the watch ended at once without an event")
        self._backoff.forget()

    def _apply(self, event: WatchEvent) -> None:
        if event.type != "BOOKMARK":
            obj = self._prepared(event.object)
            namespace, name = _key(obj)
            old = self._objects.get(namespace, _NOTHING).get(name)
            if event.type == "DELETED":
                if old is not None:
                    self._change(obj, None)
            elif old is not None and old["metadata"].get("uid") != obj["metadata"].get("uid"):
                self._change(old, None)
                self._change(None, obj)
            else:
                self._change(old, obj)
        self.resource_version = event.object["metadata"]["resourceVersion"]

    def _prepared(self, obj: Object) -> Object:
        if self._metadata_only or "kind" not in obj:
            obj["kind"] = self.resource.kind
            obj["apiVersion"] = self.resource.api_version
        return self._transform(obj)

    def _change(self, old: Object | None, new: Object | None) -> None:
        """Put one change into cache and indexes and tell the handlers. A deleted `old` is the last state."""
        some = new if new is not None else old
        assert some is not None
        namespace, name = _key(some)
        cached = self._objects.get(namespace, _NOTHING).get(name)
        if new is not None:
            self._objects.setdefault(namespace, {})[name] = new
        elif cached is not None:
            del self._objects[namespace][name]
            if not self._objects[namespace]:
                del self._objects[namespace]
        for index in self._indexes.values():
            index.change(cached, new)
        for handler in self._handlers:
            self._call(handler, old, new)

    def _call(self, handler: Handler, old: Object | None, new: Object | None) -> None:
        try:
            handler(old, new)
        except Exception:  # handlers are not ours (BLE001): logged
            log.exception("a handler of %s failed for %s", self.resource.plural, _key(new or old or {}))


class Informers:
    """The informers of one process."""

    def __init__(self, client: Client, clock: Clock | None = None) -> None:
        self._client = client
        self._clock = clock or SystemClock()
        self._outage = Outage(self._clock)
        self._informers: dict[tuple[object, ...], Informer] = {}
        self._group: TaskGroup | None = None
        self._tasks: dict[Informer, asyncio.Task[None]] = {}

    def informer(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        transform: Transform | None = None,
        metadata_only: bool = False,
    ) -> Informer:
        """The informer of these arguments: same arguments, same informer. Starts at once when running.

        A metadata-only one may turn out to be a full one that is there already.
        """
        place = (resource.group, resource.plural, namespace, label_selector, field_selector)
        if metadata_only:
            full = self._informers.get((*place, None, False))
            if full is not None:
                return full
        key = (*place, transform, metadata_only)
        informer = self._informers.get(key)
        if informer is None:
            informer = self._informers[key] = Informer(
                self._client,
                resource,
                namespace=namespace,
                label_selector=label_selector,
                field_selector=field_selector,
                transform=transform,
                metadata_only=metadata_only,
                clock=self._clock,
                outage=self._outage,
            )
            self._start(informer)
        return informer

    def remove(self, informer: Informer) -> None:
        """Stop an informer whose resource is no longer served, and forget it."""
        for key, known in list(self._informers.items()):
            if known is informer:
                del self._informers[key]
        task = self._tasks.pop(informer, None)
        if task is not None:
            task.cancel()

    async def run(self) -> None:
        """Run all informers, also those added later, until cancelled."""
        async with TaskGroup() as group:
            self._group = group
            try:
                for informer in self._informers.values():
                    self._start(informer)
                await asyncio.Event().wait()
            finally:
                self._group = None
                self._tasks.clear()

    async def wait_synced(self) -> None:
        """Until every informer known now has its first list."""
        for informer in list(self._informers.values()):
            await informer.wait_synced()

    @property
    def synced(self) -> bool:
        return all(informer.synced for informer in self._informers.values())

    def __iter__(self) -> Any:
        return iter(list(self._informers.values()))

    def _start(self, informer: Informer) -> None:
        if self._group is not None and informer not in self._tasks:
            name = f"informer {informer.resource.plural}.{informer.resource.group}"
            self._tasks[informer] = self._group.spawn(informer.run(), name)


class _Index:
    __slots__ = ("entries", "keys")

    def __init__(self, keys: Callable[[Object], Iterable[str]]) -> None:
        self.keys = keys
        self.entries: dict[str, dict[tuple[str, str], Object]] = {}

    def change(self, old: Object | None, new: Object | None) -> None:
        if old is not None:
            key = _key(old)
            for value in self.keys(old):
                entry = self.entries.get(value)
                if entry is not None:
                    entry.pop(key, None)
                    if not entry:
                        del self.entries[value]
        if new is not None:
            key = _key(new)
            for value in self.keys(new):
                self.entries.setdefault(value, {})[key] = new


_NOTHING: dict[Any, Any] = {}


def _key(obj: Object) -> tuple[str, str]:
    meta = obj["metadata"]
    return meta.get("namespace") or "", meta["name"]


def _same(old: Object, new: Object) -> bool:
    a, b = old["metadata"], new["metadata"]
    return bool(a.get("resourceVersion") == b.get("resourceVersion") and a.get("uid") == b.get("uid"))
