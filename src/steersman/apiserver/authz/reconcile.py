"""Bringing a default role or binding back to what it must at least have. Pure.

An object that carries `rbac.authorization.kubernetes.io/autoupdate: "true"` gets missing rules and subjects
added; what a user added stays, and "false" means: hands off. A binding to another role than the default one
is left alone (roleRef cannot be changed).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from steersman.apiserver.authz.policy.manifests import AUTOUPDATE, GROUP
from steersman.apiserver.authz.rbac.rules import compile_rules, uncovered

if TYPE_CHECKING:
    from steersman.api.types import Object


RETIRED: dict[str, tuple[Object, ...]] = {
    "system:node": ({"kind": "Group", "apiGroup": GROUP, "name": "system:nodes"},),
}
"""Subjects that were default once and are taken out: nodes got every secret before the Node authorizer."""


def reconciled(existing: Object, wanted: Object) -> Object | None:
    """The existing object with what it lacks; None when it lacks nothing or is not to be touched."""
    annotations = existing["metadata"].get("annotations") or {}
    if annotations.get(AUTOUPDATE) != "true":
        return None
    if existing["kind"] in ("Role", "ClusterRole"):
        return _role(existing, wanted)
    return _binding(existing, wanted)


def _role(existing: Object, wanted: Object) -> Object | None:
    if wanted.get("aggregationRule"):
        if existing.get("aggregationRule") == wanted["aggregationRule"]:
            return None
        return {**copy.deepcopy(existing), "aggregationRule": wanted["aggregationRule"]}
    owned = compile_rules(existing.get("rules"))
    missing = [rule for rule in wanted["rules"] if uncovered(owned, [rule])]
    if not missing:
        return None
    return {**copy.deepcopy(existing), "rules": [*(existing.get("rules") or []), *missing]}


def _binding(existing: Object, wanted: Object) -> Object | None:
    if existing.get("roleRef") != wanted["roleRef"]:
        return None
    subjects = existing.get("subjects") or []
    retired = RETIRED.get(existing["metadata"]["name"], ())
    kept = [subject for subject in subjects if subject not in retired]
    missing = [subject for subject in wanted["subjects"] if subject not in subjects]
    if not missing and kept == subjects:
        return None
    return {**copy.deepcopy(existing), "subjects": [*kept, *missing]}
