"""The APIServices of what this server implements itself. Pure.

They are kept by the server: made for built-in groups at start, for custom ones as they come and go, and
always Available.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import times
from steersman.api.kinds import discovery_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.resource import Resource
    from steersman.api.types import Object

MANAGED_LABEL = "kube-aggregator.kubernetes.io/automanaged"
HIGHEST_PRIORITY = 18000
"""groupPriorityMinimum of the core group; every further built-in group has 50 less."""
CUSTOM_PRIORITY = 1000


def name_of(group: str, version: str) -> str:
    """`v1.apps`; `v1.` for the core group."""
    return f"{version}.{group}"


def wanted_services(resources: Iterable[Resource]) -> dict[str, Object]:
    """The local APIServices there should be, by name."""
    rows = list(resources)
    custom = {(row.group, row.version) for row in rows if row.custom}
    found = {}
    for rank, (group, versions) in enumerate(discovery_order(rows)):
        for index, version in enumerate(versions):
            is_custom = (group, version) in custom
            spec: Object = {
                "version": version,
                "groupPriorityMinimum": CUSTOM_PRIORITY if is_custom else HIGHEST_PRIORITY - 50 * rank,
                "versionPriority": 100 if is_custom else max(15 - index, 1),
            }
            if group:
                spec["group"] = group
            name = name_of(group, version)
            labels = {MANAGED_LABEL: "true" if is_custom else "onstart"}
            found[name] = {"metadata": {"name": name, "labels": labels}, "spec": spec}
    return found


def available(status: str, reason: str, message: str, now: float) -> Object:
    """The condition Available."""
    return {
        "type": "Available",
        "status": status,
        "lastTransitionTime": times.rfc3339(now),
        "reason": reason,
        "message": message,
    }


def local_condition(now: float) -> Object:
    """The condition of every local APIService."""
    return available("True", "Local", "Local APIServices are always available", now)
