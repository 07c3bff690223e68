"""Events about objects, as `kubectl describe` and `kubectl events` show them (core/v1 Event).

    event() ──> spam filter ──> aggregation ──> queue ──> run(): create, or patch the count of the one that
    is there

The same event again raises `count` and `lastTimestamp` of the first; more than ten similar ones (same but
for the message) within ten minutes become "(combined from similar events): …"; an object that floods is cut
off (25 at once, then one in five minutes). Source: client-go tools/record. Events are best effort: the
oldest give way when the queue is full, and nothing ever waits for one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from steersman.api.errors import ApiError, NotFound
from steersman.api.kinds import EVENTS
from steersman.api.times import rfc3339
from steersman.client.transport import ConnectionFailed
from steersman.runtime.backoff import Backoff
from steersman.runtime.clock import SystemClock

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.rest import Client
    from steersman.runtime.clock import Clock

__all__ = ["EventRecorder", "Recorder", "reference"]

V = TypeVar("V")

_KEPT = 4096  # keys remembered for aggregation and for the spam filter, as client-go's LRU
_SIMILAR = 10  # similar events within the interval before they are combined
_SIMILAR_SECONDS = 600.0
_BURST = 25.0  # events of one source about one object at once
_REFILL = 1 / 300  # further events a second
_QUEUED = 1000  # events waiting to be written
_TRIES = 12
_MESSAGE = 1024  # bytes; the API server refuses longer messages
log = logging.getLogger("steersman.client.events")


def reference(obj: Object, field_path: str = "") -> Object:
    """The ObjectReference of an object (which must carry kind and apiVersion); a reference is passed
    through."""
    if "metadata" not in obj:
        return obj
    meta = obj["metadata"]
    ref = {
        "kind": obj["kind"],
        "namespace": meta.get("namespace", ""),
        "name": meta["name"],
        "uid": meta.get("uid", ""),
        "apiVersion": obj["apiVersion"],
        "resourceVersion": meta.get("resourceVersion", ""),
        "fieldPath": field_path,
    }
    return {key: value for key, value in ref.items() if value}


@dataclass(slots=True)
class _Series:
    """What is known of one event that may come again."""

    name: str = ""
    namespace: str = ""
    count: int = 0
    first: float = 0.0


@dataclass(slots=True)
class _Similar:
    messages: set[str] = field(default_factory=set)
    last: float = 0.0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Recorder(Protocol):
    """What those who report events need of a recorder."""

    def event(self, obj: Object, type: str, reason: str, message: str, *, field_path: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class _Named:
    """The same recorder under another component's name."""

    recorder: EventRecorder
    component: str

    def event(self, obj: Object, type: str, reason: str, message: str, *, field_path: str = "") -> None:
        self.recorder.record(self.component, reference(obj, field_path), type, reason, message)


class EventRecorder:
    """Records events of one component (`source.component`) on one host; `run` must run for them to be
    written. `named` gives the same recorder another component's name: one queue for a whole process.
    """

    def __init__(self, client: Client, component: str, host: str = "", clock: Clock | None = None) -> None:
        self._client = client
        self._component = component
        self._host = host
        self._clock = clock or SystemClock()
        self._queue: deque[tuple[tuple[str, ...], Object]] = deque(maxlen=_QUEUED)
        self._arrived = asyncio.Event()
        self._series: OrderedDict[tuple[str, ...], _Series] = OrderedDict()
        self._similar: OrderedDict[tuple[str, ...], _Similar] = OrderedDict()
        self._buckets: OrderedDict[tuple[str, ...], _Bucket] = OrderedDict()
        self._backoff = Backoff(0.2, 2.0, 10.0, clock=self._clock)
        self._last_stamp = 0

    def event(self, obj: Object, type: str, reason: str, message: str, *, field_path: str = "") -> None:
        """Record an event about `obj` (an object or an ObjectReference). `type` is Normal or Warning."""
        self.record(self._component, reference(obj, field_path), type, reason, message)

    def named(self, component: str) -> Recorder:
        return _Named(self, component)

    def record(self, component: str, ref: Object, type: str, reason: str, message: str) -> None:
        """Record an event of `component` about what `ref` (an ObjectReference) names."""
        now = self._clock.time()
        about = tuple(str(ref.get(key, "")) for key in ("kind", "namespace", "name", "uid", "apiVersion"))
        about = (component, *about)
        if not self._allowed(about, now):
            return
        about = (*about, str(ref.get("fieldPath", "")), type, reason)
        key, message = self._aggregated(about, message, now)
        self._queue.append((key, self._object(component, ref, type, reason, message, now)))
        self._arrived.set()

    async def run(self) -> None:
        """Write events until cancelled."""
        while True:
            while self._queue:
                key, event = self._queue.popleft()
                await self._write(key, event)
            self._arrived.clear()
            await self._arrived.wait()

    async def flush(self) -> None:
        """Write what is queued (for a program about to end)."""
        while self._queue:
            key, event = self._queue.popleft()
            await self._write(key, event)

    def _allowed(self, about: tuple[str, ...], now: float) -> bool:
        bucket = _remember(self._buckets, about)
        if bucket is None:
            bucket = self._buckets[about] = _Bucket(_BURST, now)
        bucket.tokens = min(_BURST, bucket.tokens + (now - bucket.at) * _REFILL)
        bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def _aggregated(self, about: tuple[str, ...], message: str, now: float) -> tuple[tuple[str, ...], str]:
        """The key of the series the event belongs to, and its message."""
        similar = _remember(self._similar, about)
        if similar is None or now - similar.last > _SIMILAR_SECONDS:
            similar = self._similar[about] = _Similar()
        similar.last = now
        similar.messages.add(message)
        if len(similar.messages) <= _SIMILAR:
            return (*about, message), message
        similar.messages.discard(message)
        return about, "(combined from similar events): " + message

    def _object(
        self, component: str, ref: Object, type: str, reason: str, message: str, now: float
    ) -> Object:
        if len(message) > _MESSAGE:
            message = message[: _MESSAGE - 3] + "..."
        self._last_stamp = max(int(now * 1e9), self._last_stamp + 1)
        stamp = rfc3339(now)
        source = {"component": component} | ({"host": self._host} if self._host else {})
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{ref['name']}.{self._last_stamp:x}",
                "namespace": ref.get("namespace") or "default",
            },
            "involvedObject": ref,
            "reason": reason,
            "message": message,
            "source": source,
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
            "type": type,
            "eventTime": None,
            "reportingComponent": component,
            "reportingInstance": self._host,
        }

    async def _write(self, key: tuple[str, ...], event: Object) -> None:
        for _ in range(_TRIES):
            try:
                await self._write_once(key, event)
                self._backoff.forget()
                return
            except NotFound:
                # The counted event expired (or its namespace is gone): the next try makes a new one.
                if self._series.pop(key, None) is None:
                    return
            except ApiError as error:
                if error.code not in (429, 500, 503, 504):
                    log.debug("event %s was refused: %s", event["metadata"]["name"], error)
                    return
                await self._clock.sleep(self._backoff.next())
            except ConnectionFailed:
                await self._clock.sleep(self._backoff.next())
        log.warning("gave up writing event %s: %s", event["metadata"]["name"], event["message"])

    async def _write_once(self, key: tuple[str, ...], event: Object) -> None:
        series = _remember(self._series, key)
        if series is None:
            await self._client.create(EVENTS, event)
            meta = event["metadata"]
            self._series[key] = _Series(meta["name"], meta["namespace"], 1, self._clock.time())
            return
        patch = {
            "count": series.count + 1,
            "lastTimestamp": event["lastTimestamp"],
            "message": event["message"],
        }
        await self._client.patch(EVENTS, series.name, patch, series.namespace)
        series.count += 1


def _remember(table: OrderedDict[tuple[str, ...], V], key: tuple[str, ...]) -> V | None:
    """Look up and mark as used; the least used entries fall out beyond `_KEPT`."""
    value = table.get(key)
    if value is not None:
        table.move_to_end(key)
    elif len(table) >= _KEPT:
        table.popitem(last=False)
    return value
