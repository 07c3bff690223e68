"""Short readers of what every object has: metadata, owners, conditions.

Readers never change the object; those that return a list or a dict may return the object's own: copy before
changing it.  (No postponed annotations here: a function is called `annotations`.)
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steersman.api.times import rfc3339
from steersman.api.types import Object

if TYPE_CHECKING:
    from steersman.api.kinds import Resource


def name(obj: Mapping[str, Any]) -> str:
    return str((obj.get("metadata") or {}).get("name") or "")


def namespace(obj: Mapping[str, Any]) -> str:
    """Return the namespace, empty for cluster-scoped objects."""
    return str((obj.get("metadata") or {}).get("namespace") or "")


def uid(obj: Mapping[str, Any]) -> str:
    return str((obj.get("metadata") or {}).get("uid") or "")


def labels(obj: Mapping[str, Any]) -> dict[str, str]:
    return (obj.get("metadata") or {}).get("labels") or {}


def annotations(obj: Mapping[str, Any]) -> dict[str, str]:
    return (obj.get("metadata") or {}).get("annotations") or {}


def key(obj: Mapping[str, Any]) -> str:
    """Return `namespace/name`, or the bare name of a cluster-scoped object."""
    space = namespace(obj)
    return f"{space}/{name(obj)}" if space else name(obj)


def split_key(text: str) -> tuple[str, str]:
    """Return (namespace, name) of what :func:`key` made."""
    space, _, own = text.rpartition("/")
    return space, own


def deleting(obj: Mapping[str, Any]) -> bool:
    """Tell whether deletion was asked for and is not finished."""
    return bool((obj.get("metadata") or {}).get("deletionTimestamp"))


def generation(obj: Mapping[str, Any]) -> int:
    return int((obj.get("metadata") or {}).get("generation") or 0)


def owner_references(obj: Mapping[str, Any]) -> list[Object]:
    return (obj.get("metadata") or {}).get("ownerReferences") or []


def controller_of(obj: Mapping[str, Any]) -> Object | None:
    """Return the owner reference of the managing controller."""
    return next((reference for reference in owner_references(obj) if reference.get("controller")), None)


def is_controlled_by(obj: Mapping[str, Any], owner: Mapping[str, Any]) -> bool:
    reference = controller_of(obj)
    return reference is not None and reference.get("uid") == uid(owner)


def owner_reference(owner: Mapping[str, Any], resource: "Resource", controller: bool = True) -> Object:
    """Return a reference to `owner`; as its controller it also blocks the owner's foreground deletion."""
    reference: Object = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": name(owner),
        "uid": uid(owner),
    }
    if controller:
        reference["controller"] = True
        reference["blockOwnerDeletion"] = True
    return reference


def get_condition(source: dict[str, Any] | Iterable[dict[str, Any]] | None, type: str) -> Object | None:
    """Return the condition `type` of an object (its `status.conditions`) or of a list of conditions."""
    found = (source.get("status") or {}).get("conditions") if isinstance(source, dict) else source
    return next((condition for condition in found or () if condition.get("type") == type), None)


def is_condition_true(source: dict[str, Any] | Iterable[dict[str, Any]] | None, type: str) -> bool:
    condition = get_condition(source, type)
    return condition is not None and condition.get("status") == "True"


def set_condition(conditions: Sequence[Object] | None, condition: Object, now: float) -> list[Object]:
    """Return the conditions with `condition` in its place.

    `lastTransitionTime` is kept while the status stays the same, unless `condition` brings its own.
    """
    fresh = dict(condition)
    result: list[Object] = []
    placed = False
    for existing in conditions or ():
        if existing.get("type") != fresh["type"]:
            result.append(existing)
            continue
        if existing.get("status") == fresh.get("status") and "lastTransitionTime" in existing:
            fresh["lastTransitionTime"] = existing["lastTransitionTime"]
        fresh.setdefault("lastTransitionTime", rfc3339(now))
        result.append(fresh)
        placed = True
    if not placed:
        fresh.setdefault("lastTransitionTime", rfc3339(now))
        result.append(fresh)
    return result
