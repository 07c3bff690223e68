"""Namespaces that are being deleted: everything in them is deleted, then they may go.

Works on whatever discovery names, so custom resources go too. Source: k8s pkg/controller/namespace.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import ApiError, MethodNotSupported, NotFound
from steersman.api.times import parse_time
from steersman.controllers.discovery import discover
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.kinds import Resource
    from steersman.api.types import Object

__all__ = ["NamespaceController", "Remains", "plan_conditions"]

_FINALIZER = "kubernetes"
_AT_ONCE = 6  # resources worked on at the same time
_RETRY = 2.0  # seconds between two looks while something remains
_RETRY_CAP = 60.0


@dataclass(frozen=True, slots=True)
class Remains:
    """What is left of the content of a namespace after a pass."""

    counts: tuple[tuple[str, int], ...] = ()
    """(`pods.`, 3): resource with its group, and how many objects."""
    finalizers: tuple[tuple[str, int], ...] = ()
    """(finalizer, on how many objects)."""
    undiscovered: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    wait: float = 0.0
    """Seconds that the pods among them may still take to end."""

    @property
    def empty(self) -> bool:
        return not (self.counts or self.undiscovered or self.failures)


def plan_conditions(namespace: Object, remains: Remains, now: float) -> list[Object]:
    """The five conditions that tell why a namespace is not gone yet."""
    counts = ", ".join(f"{what} has {n} resource instances" for what, n in remains.counts)
    finalizers = ", ".join(f"{name} in {n} resource instances" for name, n in remains.finalizers)
    discovery = ", ".join(remains.undiscovered)
    rows = (
        (
            "NamespaceDeletionDiscoveryFailure",
            ("DiscoveryFailed", f"Discovery failed for some groups: {discovery}") if discovery else None,
            ("ResourcesDiscovered", "All resources successfully discovered"),
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            None,
            ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
        ),
        (
            "NamespaceDeletionContentFailure",
            ("ContentDeletionFailed", "; ".join(remains.failures)) if remains.failures else None,
            ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
        ),
        (
            "NamespaceContentRemaining",
            ("SomeResourcesRemain", f"Some resources are remaining: {counts}") if counts else None,
            ("ContentRemoved", "All content successfully removed"),
        ),
        (
            "NamespaceFinalizersRemaining",
            ("SomeFinalizersRemain", f"Some content in the namespace has finalizers remaining: {finalizers}")
            if finalizers
            else None,
            ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
        ),
    )
    conditions: list[Object] = list((namespace.get("status") or {}).get("conditions") or ())
    for kind, wrong, right in rows:
        reason, message = wrong or right
        state = "True" if wrong else "False"
        condition = {"type": kind, "status": state, "reason": reason, "message": message}
        conditions = meta.set_condition(conditions, condition, now)
    return conditions


class NamespaceController(Controller):
    name = "namespace-controller"
    workers = 5

    def setup(self) -> None:
        self.namespaces = self.informer(kinds.NAMESPACES)
        self.pods = self.informer(kinds.PODS)
        self.namespaces.add_handler(self._changed)
        self.pods.add_handler(self._pod_changed)

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        """The last pod has ended: that is what most namespaces wait for."""
        if old is None or new is not None:
            return
        namespace = self.namespaces.get(meta.namespace(old))
        if namespace is not None and meta.deleting(namespace) and not self.pods.list(meta.name(namespace)):
            self.queue.add(meta.name(namespace))

    def _changed(self, old: Object | None, new: Object | None) -> None:
        if new is not None and meta.deleting(new):
            self.queue.add(meta.name(new))

    async def reconcile(self, key: str) -> float | None:
        """Empty one namespace that is being deleted, then take our finalizer away."""
        cached = self.namespaces.get(key)
        if cached is None or not meta.deleting(cached):
            return None
        namespace = await self._live(key)
        if namespace is None or not meta.deleting(namespace):
            return None
        finalizers = namespace["spec"].get("finalizers") or []
        if _FINALIZER not in finalizers:
            return None
        remains = await self._empty(namespace)
        conditions = plan_conditions(namespace, remains, self.clock.time())
        status = (namespace.get("status") or {}) | {"conditions": conditions, "phase": "Terminating"}
        if status != namespace.get("status") and not (
            remains.empty and not namespace["status"].get("conditions")
        ):
            namespace = await self.client.update(
                kinds.NAMESPACES, namespace | {"status": status}, subresource="status"
            )
        if not remains.empty:
            return self._patience(namespace, remains)
        spec = namespace["spec"] | {"finalizers": [f for f in finalizers if f != _FINALIZER]}
        await self._finalize(namespace | {"spec": spec})
        return None

    def _patience(self, namespace: Object, remains: Remains) -> float:
        """Seconds until the next look: longer the longer it has taken, up to a minute."""
        asked = parse_time(namespace["metadata"]["deletionTimestamp"])
        return min(max(_RETRY, remains.wait / 2, (self.clock.time() - asked) / 2), _RETRY_CAP)

    async def _live(self, name: str) -> Object | None:
        try:
            return await self.client.get(kinds.NAMESPACES, name)
        except NotFound:
            return None

    async def _finalize(self, namespace: Object) -> None:
        try:
            await self.client.update(kinds.NAMESPACES, namespace, subresource="finalize")
        except NotFound:
            return

    async def _empty(self, namespace: Object) -> Remains:
        """Delete what can be deleted; says what is left."""
        found = await discover(self.client)
        wanted = [r for r in found.resources if r.namespaced and {"list", "delete"} <= set(r.verbs)]
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(resource: Resource) -> list[Object] | str:
            async with gate:
                try:
                    return await self._empty_of(resource, meta.name(namespace))
                except ApiError as error:
                    return f"{resource.qualified}: {error}"

        results = await asyncio.gather(*(one(resource) for resource in wanted))
        return _remains(wanted, results, found.failed, self.clock.time())

    async def _empty_of(self, resource: Resource, space: str) -> list[Object]:
        items = await self._items(resource, space)
        if not items:
            return []
        if "deletecollection" in resource.verbs:
            try:
                await self.client.delete_collection(resource, space, propagation_policy="Background")
                return await self._items(resource, space)
            except MethodNotSupported:
                self.log.debug("%s: no deletecollection after all", resource.qualified)
        for item in items:
            await self._delete(resource, meta.name(item), space)
        return await self._items(resource, space)

    async def _delete(self, resource: Resource, name: str, space: str) -> None:
        try:
            await self.client.delete(resource, name, space, propagation_policy="Background")
        except NotFound:
            return

    async def _items(self, resource: Resource, space: str) -> list[Object]:
        try:
            answer = await self.client.list(resource, space, metadata_only=True)
        except (NotFound, MethodNotSupported):
            return []
        return answer.get("items") or []


def _remains(
    resources: Sequence[Resource],
    results: Sequence[list[Object] | str],
    undiscovered: Sequence[str],
    now: float,
) -> Remains:
    counts: list[tuple[str, int]] = []
    finalizers: dict[str, int] = {}
    failures: list[str] = []
    wait = 0.0
    for resource, result in zip(resources, results, strict=True):
        if isinstance(result, str):
            failures.append(result)
            continue
        if result:
            counts.append((f"{resource.plural}.{resource.group}", len(result)))
        for item in result:
            for finalizer in item["metadata"].get("finalizers") or ():
                finalizers[finalizer] = finalizers.get(finalizer, 0) + 1
            stamp = item["metadata"].get("deletionTimestamp")
            if resource.plural == "pods" and stamp:
                wait = max(wait, min(parse_time(stamp) - now, 15.0))
    return Remains(
        tuple(counts), tuple(sorted(finalizers.items())), tuple(undiscovered), tuple(failures), wait
    )
