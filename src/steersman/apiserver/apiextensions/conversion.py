"""Versions whose objects a webhook converts into each other.

    store events ──> queue ──> webhook ──> Cache of one version   (GET, LIST, WATCH of that version)

Every served version of such a definition has a cache of its own, which holds objects as the version shows
them: one is converted once a change, not once a request. A reader waits until everything committed before has
been converted; when the webhook fails, so does the reader. Source: the CustomResourceDefinition
documentation, "Webhook conversion"; k8s apiextensions-apiserver pkg/apiserver/conversion.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api.errors import Expired, InternalError
from steersman.apiserver import codec
from steersman.apiserver.cache.cache import Cache
from steersman.store.base import Entry, Event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission.webhooks.caller import Caller
    from steersman.apiserver.cache.item import Item, Record
    from steersman.store.base import Store

TIMEOUT = 30.0
"""Seconds a conversion may take, as upstream has it."""
AT_ONCE = 500
"""Objects sent in one review."""


class Converter:
    """Converts objects of one definition by its webhook."""

    def __init__(self, definition: Object, caller: Caller) -> None:
        webhook = definition["spec"]["conversion"]["webhook"]
        self._client: Object = webhook["clientConfig"]
        known = webhook.get("conversionReviewVersions") or ["v1"]
        self._version = next((one for one in known if one in ("v1", "v1beta1")), "v1")
        self._kind = definition["spec"]["names"]["kind"]
        self._caller = caller

    async def convert(self, objects: Sequence[Object], api_version: str) -> list[Object]:
        """Return the objects in a version, in order; those that are in it already as they are.

        Raises: InternalError when the webhook fails or answers what it may not.
        """
        result = list(objects)
        foreign = [index for index, obj in enumerate(result) if obj["apiVersion"] != api_version]
        for start in range(0, len(foreign), AT_ONCE):
            some = foreign[start : start + AT_ONCE]
            sent = [result[index] for index in some]
            for index, made in zip(some, await self._review(sent, api_version), strict=True):
                result[index] = made
        return result

    async def _review(self, objects: list[Object], api_version: str) -> list[Object]:
        from steersman.apiserver.admission.webhooks.caller import CallFailed

        uid = str(uuid.uuid4())
        request = {"uid": uid, "desiredAPIVersion": api_version, "objects": objects}
        review = {
            "kind": "ConversionReview",
            "apiVersion": f"apiextensions.k8s.io/{self._version}",
            "request": request,
        }
        try:
            answer = await self._caller.post(self._client, orjson.dumps(review), TIMEOUT)
            converted = _answered(orjson.loads(answer), uid, len(objects))
            return [_checked(old, new, api_version) for old, new in zip(objects, converted, strict=True)]
        except (CallFailed, ValueError) as error:
            source = objects[0]["apiVersion"]
            text = f"conversion webhook for {source}, Kind={self._kind} failed: {error}"
            raise InternalError(text) from None


def _answered(review: Any, uid: str, count: int) -> list[Any]:
    """Return the objects of an answer. Raises: ValueError."""
    response = review.get("response") if isinstance(review, dict) else None
    if not isinstance(response, dict):
        raise ValueError("the answer is not a ConversionReview with a response")
    if response.get("uid") != uid:
        raise ValueError(f"expected response.uid={uid!r}, got {response.get('uid')!r}")
    outcome = response.get("result") or {}
    if outcome.get("status") != "Success":
        raise ValueError(outcome.get("message") or "the webhook does not say that it succeeded")
    converted = response.get("convertedObjects") or []
    if len(converted) != count:
        raise ValueError(f"returned {len(converted)} objects, expected {count}")
    return list(converted)


def _checked(old: Object, new: Any, api_version: str) -> Object:
    """Return a converted object; of metadata a webhook may change labels and annotations only.

    Raises: ValueError.
    """
    if not isinstance(new, dict) or not isinstance(new.get("metadata"), dict):
        raise ValueError("returned something that is not an object with metadata")
    if new.get("apiVersion") != api_version or new.get("kind") != old["kind"]:
        raise ValueError(
            f"returned object of {new.get('apiVersion')}, Kind={new.get('kind')} instead of {api_version}, "
            f"Kind={old['kind']}"
        )
    before, after = old["metadata"], new["metadata"]
    for name in ("name", "namespace", "uid"):
        if before.get(name) != after.get(name):
            raise ValueError(f"must have the same {name}: {before.get(name)!r} != {after.get(name)!r}")
    kept = {name: value for name, value in before.items() if name not in ("labels", "annotations")}
    changed = {name: after[name] for name in ("labels", "annotations") if after.get(name)}
    return {**new, "metadata": {**kept, **changed}}


class ConvertedCache(Cache):
    """The objects of one version, kept by the store's events and converted as they come."""

    def __init__(
        self,
        resource: Resource,
        store: Store,
        prefix: str,
        record: Callable[[Object], Record],
        convert: Callable[[Sequence[Object]], Awaitable[list[Object]]],
        notify: Callable[[ConvertedCache], None],
    ) -> None:
        super().__init__(resource, store, prefix, record)
        self._convert, self._notify = convert, notify
        self._queue: list[Event] = []
        self._busy = asyncio.Lock()

    @property
    def revision(self) -> int:
        """The revision up to which everything has been converted."""
        return self._queue[0].entry.revision - 1 if self._queue else self._store.revision

    async def ready(self) -> None:
        """Wait until everything committed before is here. Raises: InternalError when it cannot be
        converted."""
        if self.loaded and not self._queue:
            return
        async with self._busy:
            if not self.loaded:
                await self._load_converted()
            await self._drain()

    def offer(self, events: Sequence[Event]) -> None:
        self._queue.extend(events)
        if self.loaded:
            self._notify(self)

    def item_of(self, entry: Entry) -> Item:
        """The past is stored in other versions. Raises: Expired, after which clients list anew."""
        raise Expired("the objects of this version at an older revision are not kept")

    async def reread(self, revision: int) -> None:
        """Begin anew: changes before a revision have been missed."""
        self.loaded = False
        self._queue.clear()
        self.end_watches()

    async def _load_converted(self) -> None:
        self.objects = type(self.objects)()
        self.ring.clear()
        base = self._store.revision
        page = await self._store.range(self._prefix, revision=base)
        for event in await self._shown([Event(entry) for entry in page.entries]):
            self.objects.put(self._item(event.entry, None))
        self.oldest = self.changed = base
        self._queue = [event for event in self._queue if event.entry.revision > base]
        self.loaded = True

    async def _drain(self) -> None:
        while self._queue:
            batch = list(self._queue)
            shown = await self._shown(batch)
            if not self.loaded:
                return  # a new beginning was asked for meanwhile
            del self._queue[: len(batch)]
            self._apply(shown)

    async def _shown(self, events: Sequence[Event]) -> list[Event]:
        """Return store events with their values in this cache's version."""
        living = [event for event in events if not event.deleted]
        converted = iter(await self._convert([orjson.loads(event.entry.value) for event in living]))
        return [event if event.deleted else self._event(event, next(converted)) for event in events]

    def _event(self, event: Event, obj: Object) -> Event:
        entry = event.entry
        value = codec.encode(self.resource, obj)
        return Event(Entry(entry.key, value, entry.revision, entry.created))
