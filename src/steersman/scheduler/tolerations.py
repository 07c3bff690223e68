"""Does a pod tolerate a taint? Shared by the plug-ins that look at taints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object
    from steersman.scheduler.cluster import Taint

__all__ = ["tolerated", "tolerates"]


def tolerates(toleration: Object, taint: Taint) -> bool:
    """An empty key with Exists tolerates every key; an empty effect every effect."""
    key, value, effect = taint
    if toleration.get("effect") and toleration["effect"] != effect:
        return False
    if toleration.get("key") and toleration["key"] != key:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == value


def tolerated(tolerations: Iterable[Object], taint: Taint) -> bool:
    return any(tolerates(toleration, taint) for toleration in tolerations)
