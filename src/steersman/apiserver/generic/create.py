"""Create: from a decoded object to a stored item.

Order: place and defaults, mutating admission, uid and times, strategy, validation, validating admission,
store. Source: k8s apiserver/pkg/endpoints/handlers/create.go and pkg/registry/generic/registry/store.go
(Create).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from steersman.api import times
from steersman.api.errors import AlreadyExists, BadRequest, Invalid, ServerTimeout
from steersman.api.fields import required
from steersman.api.names import generate_name
from steersman.apiserver import codec
from steersman.apiserver.cache.hub import prefix
from steersman.apiserver.cache.item import Item
from steersman.apiserver.generic.pipeline import default, own_fields, single_owners
from steersman.apiserver.generic.write import check_place, check_valid
from steersman.apiserver.storage_metrics import CALLS
from steersman.store.base import CompareFailed

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.generic.write import Write
    from steersman.apiserver.registry.strategy import Context

GENERATE_TRIES = 8
"""How often a generated name that is taken is replaced, as upstream does."""


async def create(write: Write, obj: Object) -> Item:
    """Store a new object; `obj` is consumed. Raises: ApiError."""
    check_place(write, obj)
    if (obj.get("metadata") or {}).get("resourceVersion") not in (None, "", "0"):
        raise BadRequest("resourceVersion should not be set on objects to be created")
    default(write, obj)
    context = write.context(write.api.clock.time())
    single_owners(write, obj)
    own_fields(write, obj, None, context.now)
    await write.mutate(write.attributes("CREATE", obj, None))
    _system_metadata(write, obj["metadata"], context.now)
    for attempt in range(GENERATE_TRIES):
        generated = _name(write, obj["metadata"])
        try:
            return await _store(write, context, obj)
        except AlreadyExists:
            if not generated or attempt == GENERATE_TRIES - 1:
                raise
            obj["metadata"]["name"] = ""
    raise ServerTimeout.of(write.view.resource, "create")


def key_of(write: Write, name: str) -> str:
    """Return the store's key of an object."""
    where = prefix(write.view.resource)
    return f"{where}{write.namespace}/{name}" if write.namespace else where + name


async def _store(write: Write, context: Context, obj: Object) -> Item:
    strategy, name = write.strategy, obj["metadata"]["name"]
    if write.view.cache.objects.get(write.namespace, name) is not None:
        raise AlreadyExists.of(write.view.resource, name)
    finish = await strategy.begin(context, obj, None) if strategy.allocates else None
    stored, attributes = False, None
    try:
        strategy.prepare_for_create(context, obj)
        check_valid(write, name, strategy.validate(context, obj))
        write.warnings.extend(strategy.warnings(context, obj, None))
        strategy.canonicalize(obj)
        attributes = write.attributes("CREATE", obj, None)
        await write.validate(attributes)
        item = await put(write, obj, expect=0)
        stored = not write.options.dry_run
        return item
    finally:
        if attributes is not None and attributes.undo and not stored:
            await attributes.not_stored()
        if finish is not None:
            await finish(stored)


async def put(write: Write, obj: Object, *, expect: int) -> Item:
    """Store an object (not on a dry run) and return its item. Raises: AlreadyExists, CompareFailed."""
    view, name = write.view, obj["metadata"]["name"]
    stored = await view.to_stored(obj)
    record, value = view.record(stored), view.encode(stored)
    note, shown = (None, view.encode(obj)) if view.separate else (record, value)
    if write.options.dry_run:
        data = (
            codec.body(shown, expect)
            if expect
            else b'"metadata":{' + shown[shown.index(b'"metadata":{') + 12 :]
        )
        return Item(write.namespace, name, data, expect, expect, record)
    start = write.api.clock.monotonic()
    try:
        entry = await write.api.store.put(
            key_of(write, name), value, expect=expect, ttl=write.api.ttl(view.resource), note=note
        )
    except CompareFailed:
        if expect == 0:
            raise AlreadyExists.of(view.resource, name) from None
        raise
    CALLS.count("update" if expect else "create", view.resource, write.api.clock.monotonic() - start)
    item = view.cache.objects.get(write.namespace, name)
    if item is not None and item.revision == entry.revision:
        return item  # the cache has made it already
    data = codec.body(shown, entry.revision)
    return Item(write.namespace, name, data, entry.revision, entry.created, record)


def _system_metadata(write: Write, metadata: Object, now: float) -> None:
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion"):
        metadata.pop(name, None)
    metadata["uid"] = _uid()
    metadata["creationTimestamp"] = times.rfc3339(now)


def _uid() -> str:
    """Return a random UUID (RFC 9562, version 4) as text."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _name(write: Write, metadata: Object) -> bool:
    """Make sure of a name; return whether it was generated. Raises: Invalid."""
    if metadata.get("name"):
        return False
    base = metadata.get("generateName")
    if base and isinstance(base, str):
        metadata["name"] = generate_name(base, write.api.random)
        return True
    error = required("metadata.name", "name or generateName is required")
    raise Invalid.of(write.view.resource, "", [error])
