"""Delete: at once, or by marking the object until its grace period and its finalizers are over.

    plan_deletion   pure: what a DELETE does to an object in its present state
    delete          applies the plan by compare and swap, again when somebody else wrote in between

Source: k8s apiserver/pkg/registry/rest/delete.go (BeforeDelete) and generic/registry/store.go (Delete).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api import meta, times
from steersman.api.errors import Conflict, NotFound
from steersman.apiserver.generic.create import put
from steersman.apiserver.generic.settle import settled
from steersman.apiserver.generic.update import TRIES, remove
from steersman.store.base import CompareFailed

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.cache.item import Item
    from steersman.apiserver.generic.options import DeleteOptions
    from steersman.apiserver.generic.write import Write
    from steersman.apiserver.registry.strategy import Context, Strategy

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Deletion:
    """What to do: remove the object, or store `marked` in its place, or (neither) leave it as it is."""

    remove: bool = False
    marked: Object | None = None


async def delete(write: Write, options: DeleteOptions) -> tuple[Item, bool]:
    """Delete one object; returns its last state and whether it is gone. Raises: ApiError."""
    view = write.view
    for _ in range(TRIES):
        item = view.cache.objects.get(write.namespace, write.name)
        if item is None:
            raise NotFound.of(view.resource, write.name)
        check_preconditions(write, item, options)
        obj = view.decode(item)
        attributes = write.attributes("DELETE", None, obj)
        await write.mutate(attributes)
        await write.validate(attributes)
        plan = plan_deletion(write.strategy, write.context(write.api.clock.time()), obj, options)
        try:
            if plan.remove:
                return await remove(write, obj, item), True
            if plan.marked is None:
                return item, False
            return await put(write, plan.marked, expect=item.revision), False
        except CompareFailed:
            await settled(write, item.revision)
    raise Conflict.of(view.resource, write.name)


def check_preconditions(write: Write, item: Item, options: DeleteOptions) -> None:
    """Raise Conflict when the object is not the one that was meant."""
    if options.uid and options.uid != item.record.uid:
        why = (
            f"Precondition failed: UID in precondition: {options.uid}, UID in object meta: {item.record.uid}"
        )
        raise Conflict.of(write.view.resource, write.name, why)
    if options.resource_version and options.resource_version != str(item.revision):
        why = (
            f"Precondition failed: ResourceVersion in precondition: {options.resource_version}, "
            f"ResourceVersion in object meta: {item.revision}"
        )
        raise Conflict.of(write.view.resource, write.name, why)


def plan_deletion(strategy: Strategy, context: Context, obj: Object, options: DeleteOptions) -> Deletion:
    """Decide what a DELETE does to `obj`, which stays as it is."""
    marked = copy.deepcopy(obj)
    metadata = marked["metadata"]
    finalizers = _finalizers(strategy, obj, options.propagation_policy)
    if meta.deleting(obj):
        shortened = _shorten(metadata, options.grace_period_seconds)
    else:
        grace = strategy.graceful_seconds(context, obj, options.grace_period_seconds) or 0
        shortened = grace > 0
        if shortened:
            _mark(metadata, context.now, grace)
    remaining = int(metadata.get("deletionGracePeriodSeconds") or 0) if meta.deleting(marked) else 0
    if remaining <= 0 and not finalizers and not strategy.deletion_blocked(obj):
        return Deletion(remove=True)
    if not meta.deleting(marked):
        _mark(metadata, context.now, 0)
    metadata["finalizers"] = finalizers
    if not finalizers:
        del metadata["finalizers"]
    if not meta.deleting(obj):
        _count_generation(metadata)
        strategy.prepare_for_delete(context, marked)
    if marked == obj:
        return Deletion()
    return Deletion(marked=marked)


def _finalizers(strategy: Strategy, obj: Object, policy: str) -> list[str]:
    """Return the finalizers with those of garbage collection as the policy wants them."""
    present = list(obj["metadata"].get("finalizers") or ())
    if not policy:
        if ORPHAN in present or FOREGROUND in present:
            return present
        policy = strategy.default_propagation
    kept = [name for name in present if name not in (ORPHAN, FOREGROUND)]
    added = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(policy, [])
    wanted = kept + added
    return present if sorted(wanted) == sorted(present) else wanted


def _mark(metadata: Object, now: float, grace: int) -> None:
    metadata["deletionTimestamp"] = times.rfc3339(now + grace)
    metadata["deletionGracePeriodSeconds"] = grace


def _shorten(metadata: Object, requested: int | None) -> bool:
    """A second DELETE may only make the grace period shorter."""
    present = metadata.get("deletionGracePeriodSeconds")
    if not present or requested is None or requested >= present:
        return False
    start = times.parse_time(metadata["deletionTimestamp"]) - present
    _mark(metadata, start, requested)
    return True


def _count_generation(metadata: Object) -> None:
    if metadata.get("generation"):
        metadata["generation"] += 1
