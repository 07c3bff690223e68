"""ResourceQuota: keeps `status.used` of every quota at what is there.

Admission charges what comes; this controller counts anew when something goes, when a quota changes, and every
few minutes. Objects that only count are counted from metadata; pods, services and claims are looked at.
`plan_status` is pure. Source: "Resource Quotas".
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from steersman.api import kinds, meta, quota
from steersman.controllers.discovery import discover
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.client import Informer

__all__ = ["ResourceQuotaController", "counted_resources", "plan_status"]

_RESYNC = 300.0  # seconds after which a quota is counted anew in any case
_LOOKED_AT = (kinds.PODS, kinds.SERVICES, kinds.PERSISTENT_VOLUME_CLAIMS)


class ResourceQuotaController(Controller):
    name = "resourcequota-controller"
    workers = 2

    def setup(self) -> None:
        self.quotas = self.informer(kinds.RESOURCE_QUOTAS)
        self.quotas.add_handler(self._quota_changed)
        self.caches: dict[Resource, Informer] = {}

    def _quota_changed(self, old: Object | None, new: Object | None) -> None:
        """Only a new spec: admission's charges are not to be undone by a cache that is behind."""
        if new is not None and (old is None or old.get("spec") != new.get("spec")):
            self.queue.add(meta.key(new))

    async def reconcile(self, key: str) -> float | None:
        """Count one quota (the key) anew and write its status when it differs."""
        namespace, name = meta.split_key(key)
        given = self.quotas.get(name, namespace)
        if given is None or meta.deleting(given):
            return None
        resources = await self._resources(given)
        for resource in resources:
            await self._cache(resource).wait_synced()
        found = {resource: self.caches[resource].list(namespace) for resource in resources}
        status = plan_status(given, found)
        if status != (given.get("status") or {}):
            changed = given | {"status": status}
            answer = await self.client.update(kinds.RESOURCE_QUOTAS, changed, subresource="status")
            self.writes.wrote(key, self.quotas, answer)
        return _RESYNC

    async def _resources(self, given: Object) -> list[Resource]:
        hard = (given.get("spec") or {}).get("hard") or {}
        known: Iterable[Resource] = kinds.RESOURCES
        wanted = counted_resources(hard, known)
        named = {quota.count_name(resource) for resource in wanted}
        if any(name.startswith("count/") and name not in named for name in hard):
            wanted = counted_resources(hard, (await discover(self.client)).resources)
        return wanted

    def _cache(self, resource: Resource) -> Informer:
        found = self.caches.get(resource)
        if found is None:
            found = self.context.informers.informer(resource, metadata_only=resource not in _LOOKED_AT)
            self.caches[resource] = found

            def changed(old: Object | None, new: Object | None) -> None:
                if old is not None and (new is None or frees(resource, old, new)):
                    self._recount(meta.namespace(old))

            found.add_handler(changed)
        return found

    def _recount(self, namespace: str) -> None:
        for given in self.quotas.list(namespace):
            self.queue.add(meta.key(given))


def frees(resource: Resource, old: Object, new: Object) -> bool:
    """Whether an update gives back something: a pod ends, a service becomes a plain one."""
    if resource not in _LOOKED_AT:
        return False
    before, after = quota.usage(resource, old), quota.usage(resource, new)
    return any(after.get(name, 0) < amount for name, amount in before.items())


def counted_resources(hard: Iterable[str], known: Iterable[Resource]) -> list[Resource]:
    """The resources that have a part in the names a quota bounds, one version of each."""
    names = set(hard)
    pods = {"pods"} | {name for name in names if _is_compute(name)}
    own = {
        kinds.PODS: pods,
        kinds.SERVICES: {name for name in names if name.partition(".")[0] == "services"},
        kinds.PERSISTENT_VOLUME_CLAIMS: {name for name in names if _is_storage(name)},
    }
    found: dict[str, Resource] = {}
    for resource in known:
        if not resource.namespaced or "watch" not in resource.verbs or resource.qualified in found:
            continue
        mine = own.get(resource, {resource.plural} if resource in quota.COUNTED_BY_NAME else set())
        if quota.count_name(resource) in names or mine & names:
            found[resource.qualified] = resource
    return list(found.values())


def _is_storage(name: str) -> bool:
    return name in ("persistentvolumeclaims", "requests.storage") or quota.STORAGE_CLASS in name


def _is_compute(name: str) -> bool:
    if name == "requests.storage" or quota.STORAGE_CLASS in name or name.startswith("count/"):
        return False
    return name in ("cpu", "memory", "ephemeral-storage") or name.startswith(
        ("requests.", "limits.", "hugepages-")
    )


def plan_status(given: Object, found: Mapping[Resource, Iterable[Object]]) -> Object:
    """The status of a quota over the objects of its namespace."""
    spec = given.get("spec") or {}
    hard = spec.get("hard") or {}
    total = dict.fromkeys(hard, Fraction(0))
    for resource, objects in found.items():
        for obj in objects:
            if not quota.selected(spec, resource, obj):
                continue
            for name, amount in quota.usage(resource, obj).items():
                if name in total:
                    total[name] += amount
    return {"hard": hard, "used": {name: quota.written(name, amount) for name, amount in total.items()}}
