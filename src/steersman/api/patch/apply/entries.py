"""managedFields entries: who owns which fields, as the object carries it.

One entry per manager, operation, apiVersion and sub-resource; `fieldsV1` is a set of fields (see `fieldset`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steersman.api import times
from steersman.api.patch.apply.fieldset import Fields, difference, union

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object

APPLY = "Apply"
UPDATE = "Update"
ANCIENT = "ancient-changes"
"""The manager that old Update entries are folded into."""
MAX_UPDATE_MANAGERS = 10
"""Update entries kept apart; upstream's cap."""

_STRIPPED = frozenset(
    f"f:{name}"
    for name in (
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    )
)
"""Fields of the metadata that belong to the server; nobody owns them."""
_ROOT_STRIPPED = frozenset({"f:apiVersion", "f:kind"})


@dataclass(frozen=True, slots=True)
class Manager:
    """Who writes, how and where: the identity of an entry."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""

    def owns(self, entry: Object) -> bool:
        """Is this the manager's entry? Who applies has one, whatever the version."""
        return bool(
            entry.get("manager") == self.name
            and entry.get("operation") == self.operation
            and (self.operation == APPLY or entry.get("apiVersion") == self.api_version)
            and entry.get("subresource", "") == self.subresource
        )

    def entry(self, fields: Fields, now: float) -> Object:
        """A new entry of this manager."""
        entry: Object = {
            "manager": self.name,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "time": times.rfc3339(now),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        }
        if self.subresource:
            entry["subresource"] = self.subresource
        return entry


def stripped(fields: Fields, reset: Iterable[str] = ()) -> Fields:
    """The set without the server's own metadata and without the top-level fields in `reset`."""
    dropped = {f"f:{name}" for name in reset}
    result = {key: node for key, node in fields.items() if key not in _ROOT_STRIPPED and key not in dropped}
    metadata = result.get("f:metadata")
    if metadata is not None:
        kept = {key: node for key, node in metadata.items() if key != "." and key not in _STRIPPED}
        if kept:
            result["f:metadata"] = kept
        else:
            del result["f:metadata"]
    return result


def are_valid(entries: Any) -> bool:
    """Can these entries, as a client sent them, be used? (At least one, each complete.)"""
    if not isinstance(entries, list) or not entries:
        return False
    return all(
        isinstance(entry, dict)
        and entry.get("operation") in (APPLY, UPDATE)
        and entry.get("fieldsType") == "FieldsV1"
        and isinstance(entry.get("fieldsV1", {}), dict)
        for entry in entries
    )


def fields_of(entry: Object) -> Fields:
    """The set of an entry."""
    found: Fields = entry.get("fieldsV1") or {}
    return found


def take_from_others(entries: list[Object], mine: Manager, changed: Fields, removed: Fields) -> list[Object]:
    """The entries after somebody else changed and removed fields: what was changed or removed is no longer
    theirs."""
    gone = union(changed, removed)
    result = []
    for entry in entries:
        if mine.owns(entry):
            result.append(entry)
            continue
        before = fields_of(entry)
        after = difference(before, gone)
        if after:
            result.append(entry if after is before or after == before else {**entry, "fieldsV1": after})
    return result


def ordered(entries: list[Object]) -> list[Object]:
    """Upstream's order: Apply before Update, then by time and manager."""
    return sorted(
        entries,
        key=lambda entry: (
            entry.get("operation", ""),
            entry.get("time") or "",
            entry.get("manager", ""),
            entry.get("apiVersion", ""),
            entry.get("subresource", ""),
        ),
    )


def capped(entries: list[Object]) -> list[Object]:
    """Fold the oldest Update entries into one per version, when there are too many."""
    updates = [entry for entry in entries if entry.get("operation") == UPDATE]
    if len(updates) <= MAX_UPDATE_MANAGERS:
        return entries
    folded: dict[str, Object] = {}
    oldest = ordered(updates)[: len(updates) - MAX_UPDATE_MANAGERS + 1]
    for entry in oldest:
        version = entry.get("apiVersion", "")
        bucket = folded.get(version)
        if bucket is None:
            folded[version] = {**entry, "manager": ANCIENT}
            folded[version].pop("subresource", None)
        else:
            bucket["fieldsV1"] = union(fields_of(bucket), fields_of(entry))
            bucket["time"] = max(bucket.get("time") or "", entry.get("time") or "")
    kept = [entry for entry in entries if not any(entry is old for old in oldest)]
    return [*kept, *folded.values()]
