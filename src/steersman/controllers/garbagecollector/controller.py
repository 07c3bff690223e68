"""The garbage collector: feeds the graph from every resource, applies what `plan` decides. See README.md."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import ApiError, Conflict, NotFound
from steersman.client import ConnectionFailed
from steersman.controllers.discovery import discover
from steersman.controllers.garbagecollector.graph import (
    FOREGROUND,
    ORPHAN,
    Graph,
    waits_for_dependents,
    waits_for_orphaning,
)
from steersman.controllers.garbagecollector.plan import plan_fate, plan_foreground
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from steersman.api.kinds import Resource
    from steersman.api.types import Object
    from steersman.client import Informer
    from steersman.controllers.garbagecollector.graph import Place
    from steersman.controllers.garbagecollector.plan import OwnerState
    from steersman.runtime.tasks import TaskGroup

__all__ = ["GarbageCollector"]

_IGNORED = frozenset({("", "events"), ("events.k8s.io", "events")})
_NEEDED = frozenset({"delete", "list", "watch", "patch"})
_REDISCOVER = 300.0  # seconds; a change of CRDs or API services is noticed at once
_SETTLE = 1.0  # seconds between a change of what is served and looking at it
_SYNC_LIMIT = (
    30.0  # seconds to wait for the caches of new resources; one that never answers must not stop the rest
)


class GarbageCollector(Controller):
    name = "garbage-collector-controller"
    workers = 20

    def setup(self) -> None:
        self.graph = Graph()
        self.resources: dict[tuple[str, str], Resource] = {}
        self.monitors: dict[Resource, Informer] = {}
        self._served_changed = asyncio.Event()
        self._ready = asyncio.Event()
        for resource in (kinds.CUSTOM_RESOURCE_DEFINITIONS, kinds.API_SERVICES):
            self.informer(resource, metadata_only=True).add_handler(self._definitions_changed)

    def _definitions_changed(self, old: Object | None, new: Object | None) -> None:
        self._served_changed.set()

    async def background(self, group: TaskGroup) -> None:
        group.forever(self._follow_discovery, f"{self.name} discovery")

    async def _follow_discovery(self) -> None:
        while True:
            self._served_changed.clear()
            try:
                await self.sync_monitors()
                wait = _REDISCOVER
            except (ApiError, ConnectionFailed) as error:
                self.log.info("discovery: %s", error)
                wait = _SETTLE
            timer = self.clock.call_later(wait, self._served_changed.set)
            await self._served_changed.wait()
            timer.cancel()
            await self.clock.sleep(_SETTLE)

    async def sync_monitors(self) -> None:
        """Watch exactly the resources that are served now."""
        found = await discover(self.client)
        wanted = {
            resource
            for resource in found.resources
            if set(resource.verbs) >= _NEEDED and (resource.group, resource.plural) not in _IGNORED
        }
        self.resources = {(resource.group, resource.kind): resource for resource in found.resources}
        if not found.failed:  # what an unavailable API serves is not known: keep its monitors
            for resource in self.monitors.keys() - wanted:
                informer = self.monitors.pop(resource)
                self.graph.drop(informer)
                self.context.informers.remove(informer)
        for resource in sorted(wanted - self.monitors.keys(), key=str):
            self._monitor(resource)
        try:
            async with asyncio.timeout(_SYNC_LIMIT):
                for informer in self.monitors.values():
                    await informer.wait_synced()
        except TimeoutError:
            missing = [str(r) for r, informer in self.monitors.items() if not informer.synced]
            self.log.warning("going on without the caches of %s", ", ".join(missing))
        self._ready.set()

    def _monitor(self, resource: Resource) -> None:
        informer = self.context.informers.informer(resource, metadata_only=True)
        self.monitors[resource] = informer

        def changed(old: Object | None, new: Object | None) -> None:
            for uid in self.graph.change(informer, old, new):
                self.queue.add(uid)

        informer.add_handler(changed)

    async def reconcile(self, key: str) -> float | None:
        """Decide about the object whose uid is `key` and do it."""
        await self._ready.wait()
        obj, place = self.graph.find(key), self.graph.place(key)
        if obj is None or place is None:
            return None
        try:
            if waits_for_orphaning(obj):
                await self._orphan(obj, place)
            elif waits_for_dependents(obj):
                await self._foreground(obj, place)
            elif not meta.deleting(obj) and meta.owner_references(obj):
                await self._collect(obj, place)
        except NotFound:
            return None  # it went by itself; the watch will tell
        return None

    async def _collect(self, obj: Object, place: Place) -> None:
        """An object with owners: delete it when none is left, or take away references to those that went."""
        if not await self._some_owner_gone(obj):
            return
        live = await self._live(obj, place)
        if live is None or meta.deleting(live) or not meta.owner_references(live):
            return
        states = await self._states(live, place)
        decision = plan_fate(live, states, self.graph.dependents(meta.uid(live)))
        if decision.unblock:
            references = [r | {"blockOwnerDeletion": False} for r in meta.owner_references(live)]
            live = await self._patch(live, place, {"ownerReferences": references})
        if decision.delete:
            await self._delete(live, place, decision.delete)
        elif decision.drop_owners:
            kept = [r for r in meta.owner_references(live) if r["uid"] not in decision.drop_owners]
            await self._patch(live, place, {"ownerReferences": kept})

    async def _some_owner_gone(self, obj: Object) -> bool:
        """The quick answer from the graph for nearly all objects: every owner is there."""
        for reference in meta.owner_references(obj):
            owner = self.graph.find(reference["uid"])
            if owner is None or waits_for_dependents(owner):
                return True
            if meta.namespace(owner) not in ("", meta.namespace(obj)):
                return True
        return False

    async def _states(self, obj: Object, place: Place) -> dict[str, OwnerState]:
        return {
            reference["uid"]: await self._state(obj, reference, place)
            for reference in meta.owner_references(obj)
        }

    async def _state(self, obj: Object, reference: Object, place: Place) -> OwnerState:
        """Whether the owner of one reference is there. An owner that cannot be looked up counts as there."""
        uid = reference["uid"]
        group = reference["apiVersion"].rpartition("/")[0]
        resource = self.resources.get((group, reference["kind"]))
        if resource is None:
            self.log.debug("%s: owner kind %s is not served", meta.key(obj), reference["kind"])
            return "solid"
        if resource.namespaced and not place.namespace:
            text = (
                f"ownerRef [{_describe(reference)}] names a namespaced kind, but the object is cluster-scoped"
            )
            self.recorder.event(obj, "Warning", "OwnerRefInvalidNamespace", text)
            return "solid"
        space = place.namespace if resource.namespaced else ""
        known = self.graph.find(uid)
        if known is not None and meta.namespace(known) == space:
            return "waiting" if waits_for_dependents(known) else "solid"
        if self.graph.is_absent(uid, space):
            return "dangling"
        try:
            owner = await self.client.get(resource, reference["name"], space or None)
        except NotFound:
            owner = None
        if owner is None or meta.uid(owner) != uid:
            self.graph.note_absent(uid, space)
            if known is not None:
                text = f'ownerRef [{_describe(reference)}] does not exist in namespace "{space}"'
                self.recorder.event(obj, "Warning", "OwnerRefInvalidNamespace", text)
            return "dangling"
        return "waiting" if waits_for_dependents(owner) else "solid"

    async def _foreground(self, owner: Object, place: Place) -> None:
        done, look = plan_foreground(owner, self.graph.dependents(meta.uid(owner)))
        if done:
            await self._drop_finalizer(owner, place, FOREGROUND)
        for uid in look:
            self.queue.add(uid)

    async def _orphan(self, owner: Object, place: Place) -> None:
        uid = meta.uid(owner)
        for dependent in self.graph.dependents(uid):
            where = self.graph.place(meta.uid(dependent))
            if where is None:
                continue
            try:
                live = await self._live(dependent, where)
                references = meta.owner_references(live) if live is not None else []
                kept = [r for r in references if r["uid"] != uid]
                if live is not None and len(kept) < len(references):
                    await self._patch(live, where, {"ownerReferences": kept})
            except NotFound:
                continue
        await self._drop_finalizer(owner, place, ORPHAN)

    async def _drop_finalizer(self, obj: Object, place: Place, finalizer: str) -> None:
        live = await self._live(obj, place)
        finalizers = (live["metadata"].get("finalizers") or []) if live is not None else []
        if live is not None and finalizer in finalizers:
            await self._patch(live, place, {"finalizers": [f for f in finalizers if f != finalizer]})

    async def _live(self, obj: Object, place: Place) -> Object | None:
        """What the server has; None when it is gone or another of the same name."""
        live = await self.client.get(place.informer.resource, place.name, place.namespace or None)
        return live if meta.uid(live) == meta.uid(obj) else None

    async def _patch(self, live: Object, place: Place, change: Object) -> Object:
        version = {"resourceVersion": live["metadata"]["resourceVersion"]}
        body = {"metadata": version | change}
        return await self.client.patch(place.informer.resource, place.name, body, place.namespace or None)

    async def _delete(self, live: Object, place: Place, policy: str) -> None:
        try:
            await self.client.delete(
                place.informer.resource,
                place.name,
                place.namespace or None,
                propagation_policy=policy,
                uid=meta.uid(live),
                resource_version=live["metadata"]["resourceVersion"] if meta.owner_references(live) else "",
            )
        except Conflict as error:
            self.log.debug("%s changed while it was to be deleted: %s", place.name, error)
            raise


def _describe(reference: Object) -> str:
    return (
        f"{reference['apiVersion']}/{reference['kind']}, name: {reference['name']}, uid: {reference['uid']}"
    )
