"""What a user may do in a namespace, as SelfSubjectRulesReview lists it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.authn import User
    from steersman.apiserver.authz.rbac.index import RBACIndex

_EVERYTHING: list[Object] = [
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
]


def rules_status(index: RBACIndex | None, user: User, namespace: str, *, everything: bool = False) -> Object:
    """The status of a rules review; `index` None means that nothing is restricted."""
    rules = list(_EVERYTHING) if everything or index is None else []
    if index is not None and not everything:
        for grant in index.grants(user, namespace):
            rules += [rule for rule in index.rule_objects(grant) if rule not in rules]
    return {
        "incomplete": False,
        "resourceRules": [rule for rule in rules if not rule.get("nonResourceURLs")],
        "nonResourceRules": [rule for rule in rules if rule.get("nonResourceURLs")],
    }
