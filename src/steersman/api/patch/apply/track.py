"""Keep managedFields true while clients create, update and patch.

Every write that is not an apply makes its manager the owner of what it added or changed, takes that from
everybody else, and takes removed fields from all (structured-merge-diff's Updater.Update). The cost is one
comparison of old and new: equal parts are skipped, and nothing is decoded: the sets in the object are the
sets worked on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api.patch.apply.entries import (
    UPDATE,
    Manager,
    are_valid,
    capped,
    fields_of,
    ordered,
    stripped,
    take_from_others,
)
from steersman.api.patch.apply.fieldset import Fields, difference, union
from steersman.api.patch.apply.walk import compare, skeleton

if TYPE_CHECKING:
    from steersman.api.schema.model import Schema
    from steersman.api.types import Object

_SKELETONS: dict[int, tuple[Schema, Object]] = {}
"""What an object starts from, by schema; the schema is kept so that its id stays its own."""


def track(
    old: Object | None,
    new: Object,
    schema: Schema,
    manager: str,
    api_version: str,
    now: float,
    subresource: str = "",
    *,
    has_status: bool = True,
) -> None:
    """Set `new["metadata"]["managedFields"]` for a write that is not an apply.

    `old` is the stored object, None for a create. `api_version` is that of the request. `has_status` says
    whether the kind has a status sub-resource, so that status is owned only through it. Entries a client sent
    are honoured when they make sense; a single empty entry clears all; an object that has no entries stays
    without.
    """
    metadata: Object = new.setdefault("metadata", {})
    sent = metadata.get("managedFields")
    before = (old.get("metadata") or {}).get("managedFields") if old is not None else None
    if sent == [{}] or (old is not None and not before and not are_valid(sent)):
        metadata.pop("managedFields", None)
        return
    entries: list[Object] = (sent if sent == before or are_valid(sent) else before) or []
    mine = Manager(manager, UPDATE, api_version, subresource)
    reset = ("status",) if has_status and subresource != "status" else ()
    try:
        changed, removed = differences(old, new, schema)
    except ValueError:
        # Lists whose elements have no keys cannot be tracked; validation refuses them after this.
        _put(metadata, entries)
        return
    updated = _updated(entries, mine, stripped(changed, reset), stripped(removed, reset), now)
    _put(metadata, updated)


def differences(old: Object | None, new: Object, schema: Schema) -> tuple[Fields, Fields]:
    """`(changed or added, removed)` between two objects; None stands for an object nobody has set anything
    in."""
    return compare(schema, _skeleton(schema) if old is None else old, new)


def _skeleton(schema: Schema) -> Object:
    found = _SKELETONS.get(id(schema))
    if found is None:
        found = _SKELETONS[id(schema)] = (schema, skeleton(schema))
    return found[1]


def _updated(
    entries: list[Object], mine: Manager, changed: Fields, removed: Fields, now: float
) -> list[Object]:
    if not changed and not removed:
        return entries
    result = take_from_others(entries, mine, changed, removed)
    for i, entry in enumerate(result):
        if mine.owns(entry):
            owned = difference(union(fields_of(entry), changed), difference(removed, changed))
            result[i : i + 1] = [_renewed(entry, mine, owned, bool(changed), now)] if owned else []
            break
    else:
        if changed:
            result.append(mine.entry(changed, now))
    return ordered(capped(result)) if len(result) > 1 else result


def _renewed(entry: Object, mine: Manager, fields: Fields, renew: bool, now: float) -> Object:
    return mine.entry(fields, now) if renew else {**entry, "fieldsV1": fields}


def _put(metadata: Object, entries: Any) -> None:
    if entries:
        metadata["managedFields"] = entries
    else:
        metadata.pop("managedFields", None)
