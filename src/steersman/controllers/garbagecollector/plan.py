"""What becomes of one object, given its owners. Pure.

Source: k8s pkg/controller/garbagecollector attemptToDeleteItem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from steersman.api import meta
from steersman.controllers.garbagecollector.graph import FOREGROUND, ORPHAN, waits_for_dependents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steersman.api.types import Object

__all__ = ["Decision", "OwnerState", "plan_fate", "plan_foreground"]

OwnerState = Literal["solid", "dangling", "waiting"]
"""There; gone; there but being deleted in the foreground, waiting for its dependents."""


@dataclass(frozen=True, slots=True)
class Decision:
    delete: str = ""
    """Propagation policy to delete the object with; empty: it stays."""
    drop_owners: frozenset[str] = frozenset()
    """uids of references to take away."""
    unblock: bool = False
    """Its references must no longer block their owners: it is part of a circle."""


def plan_fate(obj: Object, owners: Mapping[str, OwnerState], dependents: Sequence[Object]) -> Decision:
    """Decide about an object with owners that is not being deleted. `owners`: state by uid of each
    reference."""
    states = set(owners.values())
    if not owners:
        return Decision()
    if "solid" in states:
        return Decision(drop_owners=frozenset(uid for uid, state in owners.items() if state != "solid"))
    if "waiting" in states and dependents:
        circle = any(waits_for_dependents(each) for each in dependents)
        return Decision(delete="Foreground", unblock=circle)
    finalizers = obj["metadata"].get("finalizers") or ()
    policy = "Orphan" if ORPHAN in finalizers else "Foreground" if FOREGROUND in finalizers else "Background"
    return Decision(delete=policy)


def plan_foreground(owner: Object, dependents: Sequence[Object]) -> tuple[bool, list[str]]:
    """(whether the owner may go, uids of dependents to look at) for an owner that waits for its
    dependents."""
    blocking = [each for each in dependents if _blocks(each, meta.uid(owner))]
    return not blocking, [meta.uid(each) for each in blocking if not waits_for_dependents(each)]


def _blocks(dependent: Object, owner_uid: str) -> bool:
    references = meta.owner_references(dependent)
    return any(r.get("uid") == owner_uid and r.get("blockOwnerDeletion") for r in references)
