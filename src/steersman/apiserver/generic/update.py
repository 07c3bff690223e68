"""Update: read, change, check, compare and swap; the same loop for PUT, PATCH, status, scale and deletion
marks.

`change` gets a private copy of the current object and returns the new one; it is called again when somebody
else wrote in between and the request does not insist on a resourceVersion. Source: k8s
apiserver/pkg/registry/generic/registry/store.go (Update), pkg/registry/rest/update.go (BeforeUpdate).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from steersman.api import meta
from steersman.api.errors import Conflict, Invalid, NotFound
from steersman.api.fields import invalid
from steersman.apiserver import codec
from steersman.apiserver.cache.item import Item
from steersman.apiserver.generic.create import create, key_of, put
from steersman.apiserver.generic.pipeline import default, own_fields, single_owners
from steersman.apiserver.generic.settle import settled
from steersman.apiserver.generic.write import check_place, check_valid
from steersman.apiserver.storage_metrics import CALLS
from steersman.store.base import CompareFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.types import Object
    from steersman.apiserver.generic.write import Write

TRIES = 64
"""Attempts at a write whose caller does not name a resourceVersion; in each round one of all writers wins."""


async def update(
    write: Write,
    change: Callable[[Object], Object],
    *,
    on_absent: Callable[[], Object] | None = None,
    pure: bool = False,
) -> tuple[Item, bool]:
    """Change one object; returns the item and whether it was created.

    `pure` says that `change` leaves what it is given as it is, and shares nothing with it. `on_absent` gives
    the object to create when there is none; without it an absent object is NotFound. Raises: ApiError;
    Conflict when the object that `change` returns names another resourceVersion.
    """
    view = write.view
    for attempt in range(TRIES):
        item = view.cache.objects.get(write.namespace, write.name)
        if item is None:
            if on_absent is None:
                raise NotFound.of(view.resource, write.name)
            return await create(write, on_absent()), True
        old = view.decode(item)
        obj = change(old if pure else view.decode(item))
        pinned = _check_revision(write, obj, old)
        try:
            return await _swap(write, obj, old, item), False
        except CompareFailed:
            if pinned or attempt == TRIES - 1:
                raise Conflict.of(view.resource, write.name) from None
            await view.cache.ready()
            await settled(write, item.revision)
    raise Conflict.of(view.resource, write.name)


def _check_revision(write: Write, obj: Object, old: Object) -> bool:
    """Return whether the caller insists on a revision. Raises: Conflict when it is not the current one,
    Invalid."""
    metadata = obj.get("metadata") or {}
    given = metadata.get("resourceVersion") or ""
    current = old["metadata"]["resourceVersion"]
    if given in ("", "0"):
        if not write.retries and not write.strategy.allow_unconditional_update:
            detail = "must be specified for an update"
            raise Invalid.of(
                write.view.resource, write.name, [invalid("metadata.resourceVersion", 0, detail)]
            )
        return False
    if given != current:
        raise Conflict.of(write.view.resource, write.name)
    return not write.retries


async def _swap(write: Write, obj: Object, old: Object, item: Item) -> Item:
    strategy = write.strategy
    context = write.context(write.api.clock.time())
    check_place(write, obj)
    if write.subresource != "status":  # the rest of what a status write brings is put back below
        default(write, obj)
    await _mutate(write, obj, old)
    _keep_metadata(write, obj["metadata"], old["metadata"])
    finish = await strategy.begin(context, obj, old) if strategy.allocates else None
    stored, attributes = False, None
    try:
        strategy.prepare_for_update(context, obj, old)
        check_valid(write, write.name, strategy.validate_update(context, obj, old))
        write.warnings.extend(strategy.warnings(context, obj, old))
        strategy.canonicalize(obj)
        attributes = write.attributes("UPDATE", obj, old)
        await write.validate(attributes)
        single_owners(write, obj)
        own_fields(write, obj, old, context.now)
        if _finished(write, obj):
            return await remove(write, obj, item)
        unchanged = obj == old and _sorted(obj) == _sorted(old)
        if unchanged and not write.api.store.stale(key_of(write, write.name)):
            return item
        result = await put(write, obj, expect=item.revision)
        stored = not write.options.dry_run
        return result
    finally:
        if attributes is not None and attributes.undo and not stored:
            await attributes.not_stored()
        if finish is not None:
            await finish(stored)


def _sorted(obj: Object) -> bytes:
    """Return an object's text whatever the order of its members; to Python true equals 1, as text it does
    not."""
    return orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)


async def _mutate(write: Write, obj: Object, old: Object) -> None:
    attributes = write.attributes("UPDATE", obj, old)
    await write.mutate(attributes)
    if write.form is not None and attributes.obj not in (None, write.form.read(write.view.resource, obj)):
        write.form.write(write.view.resource, obj, attributes.obj or {})


def _keep_metadata(write: Write, metadata: Object, old: Object) -> None:
    """Put back what no update changes. Raises: Conflict when the object is another one of the same name."""
    given = metadata.get("uid")
    if given and given != old["uid"]:
        why = f"Precondition failed: UID in precondition: {given}, UID in object meta: {old['uid']}"
        raise Conflict.of(write.view.resource, write.name, why)
    metadata["name"] = write.name
    metadata["resourceVersion"] = old["resourceVersion"]
    for name in (
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generateName",
    ):
        if name in old:
            metadata[name] = old[name]
        else:
            metadata.pop(name, None)
    metadata.pop("selfLink", None)


def _finished(write: Write, obj: Object) -> bool:
    """Say whether this update takes away the last thing that kept a deleted object."""
    metadata = obj["metadata"]
    return (
        meta.deleting(obj)
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and not write.strategy.deletion_blocked(obj)
    )


async def remove(write: Write, obj: Object, item: Item) -> Item:
    """Delete an object from the store; the object as this last write left it. Raises: CompareFailed."""
    if not write.options.dry_run:
        start = write.api.clock.monotonic()
        await write.api.store.delete(key_of(write, write.name), expect=item.revision)
        CALLS.count("delete", write.view.resource, write.api.clock.monotonic() - start)
        await write.strategy.after_delete(write.context(write.api.clock.time()), obj)
    view = write.view
    stored = view.conversion.to_stored(obj) if view.conversion is not None else obj
    data = codec.body(view.encode(stored), item.revision)
    return Item(write.namespace, write.name, data, item.revision, item.created, view.record(stored))
