"""Server-side apply: merge what a manager states, own it, and drop what it no longer states.

The rules are structured-merge-diff's Updater.Apply:

- fields in the configuration become the manager's; equal values are owned together;
- a different value of a field somebody else owns is a conflict, unless forced;
- fields the manager applied before and no longer states go, unless somebody else owns them too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from steersman.api.errors import BadRequest, Conflict
from steersman.api.patch.apply.entries import (
    APPLY,
    UPDATE,
    Manager,
    fields_of,
    ordered,
    stripped,
    take_from_others,
)
from steersman.api.patch.apply.fieldset import Fields, difference, intersection, paths, union
from steersman.api.patch.apply.track import differences, track
from steersman.api.patch.apply.walk import field_set, merged, with_named_fields, without
from steersman.api.schema import DecodeError, decode
from steersman.api.types import Object, copied

if TYPE_CHECKING:
    from steersman.api.schema.model import Schema

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
BEFORE_FIRST_APPLY = "before-first-apply"


def apply(
    live: Object | None,
    config: Object,
    schema: Schema,
    manager: str,
    api_version: str,
    now: float,
    *,
    subresource: str = "",
    force: bool = False,
    has_status: bool = True,
    typed: bool = True,
) -> Object:
    """The object after `manager` applies `config` to `live` (None: it does not exist yet).

    `typed` objects (built-in kinds) are put into their form; custom ones are pruned and checked by the
    caller. When nothing changes the result equals `live`, times included. Do not `track` the result: this is
    that write. Raises BadRequest for a configuration that cannot be applied, Conflict (409) with one cause a
    field.
    """
    _check(config, api_version, schema, typed)
    mine = Manager(manager, APPLY, api_version, subresource)
    reset = ("status",) if has_status and subresource != "status" else ()
    try:
        return _apply(live, copied(config), schema, mine, reset, now, force, typed)
    except ValueError as error:
        raise _cannot(config, error) from None


def _apply(
    live: Object | None,
    config: Object,
    schema: Schema,
    mine: Manager,
    reset: tuple[str, ...],
    now: float,
    force: bool,
    typed: bool,
) -> Object:
    config = {key: value for key, value in config.items() if key not in reset}
    config["metadata"] = config.get("metadata") or {}
    stated = field_set(schema, config)
    base = _with_entries(live, schema, mine, now)
    entries: list[Object] = base["metadata"].get("managedFields", [])
    last = next((fields_of(entry) for entry in entries if mine.owns(entry)), {})
    result = _pruned(schema, merged(schema, base, config), last, stated, entries, mine)
    result = copied(result)
    result["metadata"].pop("managedFields", None)
    if typed:
        decode(schema, result)
    changed, removed = differences(base, result, schema) if live is not None else ({}, {})
    changed = {key: node for key, node in changed.items() if key[2:] not in reset}
    changed = stripped(changed)
    if live is not None and not force:
        _refuse_conflicts(live, schema, entries, mine, changed)
    others = [
        entry for entry in take_from_others(entries, mine, changed, stripped(removed)) if not mine.owns(entry)
    ]
    return _finished(live, result, others, entries, mine, stripped(stated), now)


def _check(config: Object, api_version: str, schema: Schema, typed: bool) -> None:
    stated = config.get("apiVersion")
    if stated != api_version:
        raise BadRequest(
            "Incorrect version specified in apply patch. "
            f"Specified patch version: {stated or ''}, expected: {api_version}"
        )
    metadata = config.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise BadRequest("metadata must be an object")
    if metadata and metadata.get("managedFields"):
        raise BadRequest("metadata.managedFields must be nil")
    if typed:
        trial = copied(config)
        try:
            problems = decode(schema, trial)
        except DecodeError as error:
            raise _cannot(config, error) from None
        if problems:
            unknown = [problem.split('"')[1] for problem in problems]
            raise _cannot(config, "; ".join(f".{path}: field not declared in schema" for path in unknown))


def _cannot(config: Object, why: object) -> BadRequest:
    """Upstream's text; upstream answers 500 here and means to answer 400, which is what a client can act
    on."""
    metadata = config.get("metadata") or {}
    name = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
    group_version = config.get("apiVersion", "")
    group_version = group_version if "/" in group_version else f"/{group_version}"
    kind = f"{name}; {group_version}, Kind={config.get('kind', '')}"
    return BadRequest(f"failed to create typed patch object ({kind}): {why}")


def _with_entries(live: Object | None, schema: Schema, mine: Manager, now: float) -> Object:
    """The object to merge into; what was there before anybody applied belongs to `before-first-apply`."""
    if live is None:
        return {"metadata": {}}
    base = {**live, "metadata": dict(live.get("metadata") or {})}
    if not base["metadata"].get("managedFields"):
        track(None, base, schema, BEFORE_FIRST_APPLY, mine.api_version, now)
    return base


def _pruned(
    schema: Schema, value: Object, last: Fields, stated: Fields, entries: list[Object], mine: Manager
) -> Object:
    """The merged object without what this manager applied before and nobody states or owns now."""
    if not last:
        return value
    kept = stated
    for entry in entries:
        if not mine.owns(entry):
            kept = union(kept, fields_of(entry))
    gone = difference(with_named_fields(schema, last), with_named_fields(schema, kept))
    gone = {key: node for key, node in gone.items() if key != "f:metadata" or node}
    if "." in gone.get("f:metadata", {}):
        gone["f:metadata"] = {key: node for key, node in gone["f:metadata"].items() if key != "."}
    result: Object = without(schema, value, gone)
    return result


def _refuse_conflicts(
    live: Object, schema: Schema, entries: list[Object], mine: Manager, changed: Fields
) -> None:
    conflicts: list[tuple[str, str]] = []
    allowed = _client_side_applied(live, schema) if mine.name == "kubectl" else {}
    for entry in entries:
        if mine.owns(entry):
            continue
        taken = difference(intersection(fields_of(entry), changed), allowed)
        conflicts += [(_described(entry), path) for path in paths(taken)]
    if conflicts:
        raise _conflict(conflicts)


def _client_side_applied(live: Object, schema: Schema) -> Fields:
    """What kubectl applied client-side before: it may go on owning that without a conflict with itself."""
    annotation = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    if not isinstance(annotation, str):
        return {}
    try:
        last: Any = orjson.loads(annotation)
    except orjson.JSONDecodeError:
        return {}
    try:
        return field_set(schema, last) if isinstance(last, dict) else {}
    except ValueError:
        return {}


def _described(entry: Object) -> str:
    text = f'"{entry.get("manager", "")}"'
    if entry.get("subresource"):
        text += f' with subresource "{entry["subresource"]}"'
    if entry.get("operation") == UPDATE:
        text += f" using {entry.get('apiVersion', '')}"
    return text


def _conflict(conflicts: list[tuple[str, str]]) -> Conflict:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": path}
        for who, path in conflicts
    ]
    if len(conflicts) == 1:
        who, path = conflicts[0]
        return Conflict(f"Apply failed with 1 conflict: conflict with {who}: {path}", {"causes": causes})
    lines: list[str] = []
    for who in sorted({who for who, _ in conflicts}):
        lines.append(f"conflicts with {who}:")
        lines += [f"- {path}" for other, path in conflicts if other == who]
    return Conflict(f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines), {"causes": causes})


def _finished(
    live: Object | None,
    result: Object,
    others: list[Object],
    entries: list[Object],
    mine: Manager,
    stated: Fields,
    now: float,
) -> Object:
    """Put the entries in; keep the old time when the manager's set is the same and nothing else moved."""
    metadata = result["metadata"]
    old = next((entry for entry in entries if mine.owns(entry)), None)
    unchanged = (
        old is not None and fields_of(old) == stated and others == [e for e in entries if e is not old]
    )
    if unchanged and live is not None:
        was = {**live, "metadata": {k: v for k, v in live["metadata"].items() if k != "managedFields"}}
        if was == result:
            return copied(live)
    if stated:
        others = [*others, mine.entry(stated, now)]
    if others:
        metadata["managedFields"] = ordered(others)
    return result
