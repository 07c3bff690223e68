"""Which names a definition gets, and the conditions that say so. Pure.

A group's names are given away first come, first served: a name that another definition of the group has
accepted is a conflict, and the definition waits until it is free. Source: k8s apiextensions-apiserver
pkg/controller/status/naming_controller.go, pkg/controller/establish.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta, times
from steersman.api.types import copied
from steersman.api.validation.approval import approval, protected
from steersman.api.validation.structural_schema import violations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object

_SINGLE = (("plural", "Plural"), ("singular", "Singular"))
_KINDS = (("kind", "Kind"), ("listKind", "ListKind"))


def plan_status(definition: Object, others: Iterable[Object], now: float) -> Object:
    """Return the status a definition should have, given the other definitions of its group."""
    status = copied(definition.get("status") or {})
    accepted, named = _names(definition, others)
    conditions = _set(status.get("conditions") or [], "NamesAccepted", *named, now)
    established = meta.get_condition(conditions, "Established")
    if established is None or established.get("status") != "True":
        ready = (
            ("True", "InitialNamesAccepted", "the initial names have been accepted")
            if named[0] == "True"
            else ("False", "NotAccepted", "not all names are accepted")
        )
        conditions = _set(conditions, "Established", *ready, now)
    conditions = _structural(definition, conditions, now)
    conditions = _approval(definition, conditions, now)
    return {
        **status,
        "conditions": conditions,
        "acceptedNames": accepted,
        "storedVersions": stored_versions(definition),
    }


def stored_versions(definition: Object) -> list[str]:
    """Return the versions objects may be stored in: those there were, and the present one."""
    known = list((definition.get("status") or {}).get("storedVersions") or ())
    current = [version["name"] for version in definition["spec"]["versions"] if version.get("storage")]
    return known + [name for name in current if name not in known]


def with_terminating(status: Object, value: str, reason: str, message: str, now: float) -> Object:
    """Return a status that says how far the deletion is."""
    conditions = _set(status.get("conditions") or [], "Terminating", value, reason, message, now)
    return {**status, "conditions": conditions}


def _set(
    conditions: list[Object], type_: str, status: str, reason: str, message: str, now: float
) -> list[Object]:
    old = meta.get_condition(conditions, type_)
    if old is not None and (old["status"], old.get("reason"), old.get("message")) == (
        status,
        reason,
        message,
    ):
        return conditions
    since = times.rfc3339(now)
    if old is not None and old["status"] == status:
        since = old.get("lastTransitionTime") or since
    new = {
        "type": type_,
        "status": status,
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }
    if old is None:
        return [*conditions, new]
    return [new if condition["type"] == type_ else condition for condition in conditions]


def _names(definition: Object, others: Iterable[Object]) -> tuple[Object, tuple[str, str, str]]:
    """Return the accepted names and the NamesAccepted condition as (status, reason, message)."""
    resources, kinds = _taken(others)
    wanted = definition["spec"]["names"]
    accepted: Object = dict((definition.get("status") or {}).get("acceptedNames") or {})
    condition = ("True", "NoConflicts", "no conflicts found")

    def ask(key: str, title: str, taken: set[str]) -> None:
        nonlocal condition
        name = wanted.get(key) or ""
        if name != (accepted.get(key) or "") and name in taken:
            condition = ("False", f"{title}Conflict", f'"{name}" is already in use')
        elif name:
            accepted[key] = name

    for key, title in _SINGLE:
        ask(key, title, resources)
    mine = set(accepted.get("shortNames") or ())
    clashes = [name for name in wanted.get("shortNames") or () if name not in mine and name in resources]
    if clashes:
        texts = [f'"{name}" is already in use' for name in clashes]
        message = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        condition = ("False", "ShortNamesConflict", message)
    else:
        _copy(accepted, wanted, "shortNames")
    for key, title in _KINDS:
        ask(key, title, kinds)
    _copy(accepted, wanted, "categories")
    return accepted, condition


def _copy(accepted: Object, wanted: Object, key: str) -> None:
    if wanted.get(key):
        accepted[key] = list(wanted[key])
    else:
        accepted.pop(key, None)


def _taken(others: Iterable[Object]) -> tuple[set[str], set[str]]:
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        names = (other.get("status") or {}).get("acceptedNames") or {}
        resources.update(names.get(name) or "" for name in ("plural", "singular"))
        resources.update(names.get("shortNames") or ())
        kinds.update(names.get(name) or "" for name in ("kind", "listKind"))
    return resources - {""}, kinds - {""}


def _structural(definition: Object, conditions: list[Object], now: float) -> list[Object]:
    found = violations(definition)
    if not found:
        return [condition for condition in conditions if condition["type"] != "NonStructuralSchema"]
    text = str(found[0]) if len(found) == 1 else f"[{', '.join(map(str, found))}]"
    return _set(conditions, "NonStructuralSchema", "True", "Violations", text, now)


def _approval(definition: Object, conditions: list[Object], now: float) -> list[Object]:
    """Groups below k8s.io and kubernetes.io are the community's: their definitions say who approved them."""
    if not protected(definition["spec"]["group"]):
        return conditions
    state, text = approval(definition)
    status, reason = {
        "approved": ("True", "ApprovedAnnotation"),
        "unapproved": ("False", "UnapprovedAnnotation"),
        "missing": ("False", "MissingAnnotation"),
    }.get(state, ("False", "InvalidAnnotation"))
    return _set(conditions, "KubernetesAPIApprovalPolicyConformant", status, reason, text, now)
