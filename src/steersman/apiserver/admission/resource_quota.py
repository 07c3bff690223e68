"""ResourceQuota: a namespace's quotas are charged for what is created or grows, and refuse what is too much.

The charge is a compare-and-swap on the quota's status before the write itself, so that two writers at two
servers cannot both have the last place; a write that is not stored after all gives back what it was charged
(what a crash leaves behind the quota controller puts right).
`judge` is pure. Source: "Resource Quotas"; messages are those users know.
"""

from __future__ import annotations

import logging
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from steersman.api import meta, quantity, quota
from steersman.api.errors import ApiError, Forbidden, NotFound
from steersman.api.kinds import EVENTS, PERSISTENT_VOLUME_CLAIMS, PODS, RESOURCE_QUOTAS, SERVICES
from steersman.apiserver.admission.plugin import AdmissionPlugin, forbidden
from steersman.store.base import StoreError

if TYPE_CHECKING:
    from steersman.api.quota import Amounts
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation

log = logging.getLogger("steersman.apiserver.admission")
_CHANGING = (PODS, SERVICES, PERSISTENT_VOLUME_CLAIMS)
"""What can grow after it was made."""


class ResourceQuota(AdmissionPlugin):
    name = "ResourceQuota"

    def handles(self, resource: Resource, subresource: str, operation: Operation) -> bool:
        if not resource.namespaced or resource.plural == EVENTS.plural or "list" not in resource.verbs:
            return False
        if operation == "CREATE":
            return not subresource
        return operation == "UPDATE" and resource in _CHANGING and subresource in ("", "resize")

    async def validate(self, attributes: Attributes) -> None:
        quotas = await self.api.look_all(RESOURCE_QUOTAS, attributes.namespace)
        if not quotas:
            return
        deltas = {meta.name(given): charge(attributes, given) for given in quotas}
        for given in quotas:  # all are asked before the first is charged
            why = judge(given, deltas[meta.name(given)])
            if why:
                raise forbidden(attributes, why)
        if attributes.dry_run:
            return
        for name, delta in deltas.items():
            if delta:
                await self._spend(attributes, name, delta)

    async def _spend(self, attributes: Attributes, name: str, delta: Amounts) -> None:
        def spend(current: Object) -> Object:
            why = judge(current, delta)
            if why:
                raise forbidden(attributes, why)
            used = current["status"].setdefault("used", {})
            for resource, amount in delta.items():
                used[resource] = quota.written(resource, quantity.parse(used.get(resource, "0")) + amount)
            return current

        try:
            await self.api.update(RESOURCE_QUOTAS, name, spend, attributes.namespace, subresource="status")
        except NotFound:  # deleted in this moment: it bounds nothing any more
            return
        attributes.undo.append(partial(self._give_back, attributes.namespace, name, delta))

    async def _give_back(self, namespace: str, name: str, delta: Amounts) -> None:
        def lower(current: Object) -> Object:
            used = (current.get("status") or {}).get("used") or {}
            for resource in delta.keys() & used.keys():
                left = max(quantity.parse(used[resource]) - delta[resource], Fraction(0))
                used[resource] = quota.written(resource, left)
            return current

        try:
            await self.api.update(RESOURCE_QUOTAS, name, lower, namespace, subresource="status")
        except (ApiError, StoreError) as error:
            log.warning("quota %s/%s keeps a charge until it is counted again: %s", namespace, name, error)


def charge(attributes: Attributes, given: Object) -> Amounts:
    """What a write adds to the names one quota bounds; only what grows. Raises Forbidden for what must be
    stated."""
    resource, obj, old = attributes.resource, attributes.obj or {}, attributes.old
    spec = given.get("spec") or {}
    if not quota.selected(spec, resource, obj):
        return {}
    hard = spec.get("hard") or {}
    used = quota.usage(resource, obj)
    if resource == PODS and attributes.operation == "CREATE":
        missing = quota.unstated(spec, obj)
        if missing:
            raise _unstated(attributes, given, missing)
    before = quota.usage(resource, old) if old is not None and quota.selected(spec, resource, old) else {}
    return {
        name: amount - before.get(name, 0)
        for name, amount in used.items()
        if name in hard and amount > before.get(name, 0)
    }


def _unstated(attributes: Attributes, given: Object, missing: str) -> Forbidden:
    return forbidden(attributes, f"failed quota: {meta.name(given)}: must specify {missing}")


def judge(given: Object, delta: Amounts) -> str:
    """Why a quota does not allow this much more; empty when it does."""
    status = given.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    unknown = sorted(name for name in delta if name not in hard)
    if unknown:
        return f"status unknown for quota: {meta.name(given)}, resources: {','.join(unknown)}"
    over = {
        name: amount
        for name, amount in delta.items()
        if quantity.parse(used.get(name, "0")) + amount > quantity.parse(hard[name])
    }
    if not over:
        return ""
    return (
        f"exceeded quota: {meta.name(given)}, requested: {quota.show(over)}, "
        f"used: {quota.show({name: used.get(name, '0') for name in over})}, "
        f"limited: {quota.show({name: hard[name] for name in over})}"
    )
