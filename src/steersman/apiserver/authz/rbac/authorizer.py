"""The RBAC authorizer: decisions from the index, remembered until a role or binding changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver.authz import Decision, Verdict

if TYPE_CHECKING:
    from steersman.apiserver.authz import Attributes
    from steersman.apiserver.authz.rbac.index import RBACIndex

MAX_REMEMBERED = 8192
"""Decisions kept: some hundred bytes each; all are dropped when there are more."""

_RULE_BASED = "rbac.authorization.k8s.io"


class RBACAuthorizer:
    """Allows what a role bound to the user allows; has no opinion on the rest."""

    def __init__(self, index: RBACIndex) -> None:
        self._index = index
        self._remembered: dict[tuple[object, ...], Decision] = {}
        self._generation = -1

    async def authorize(self, attributes: Attributes) -> Decision:
        return self.decide(attributes)

    def decide(self, attributes: Attributes) -> Decision:
        """The same, for synchronous callers."""
        index = self._index
        if self._generation != index.generation or len(self._remembered) > MAX_REMEMBERED:
            self._remembered.clear()
            self._generation = index.generation
        user = attributes.user
        key = (
            user.name,
            user.groups,
            attributes.verb,
            attributes.resource or attributes.path,
            attributes.group,
            attributes.subresource,
            attributes.namespace,
            attributes.name,
            attributes.is_resource,
        )
        decision = self._remembered.get(key)
        if decision is None:
            decision = self._remembered[key] = self._evaluate(attributes)
        return decision

    def _evaluate(self, attributes: Attributes) -> Decision:
        missing: list[str] = []
        namespace = attributes.namespace if attributes.is_resource else ""
        for grant in self._index.grants(attributes.user, namespace):
            rules = self._index.rules(grant)
            if rules is None:
                missing.append(f'{grant.role_kind.lower()}.{_RULE_BASED} "{grant.role_name}" not found')
            elif any(rule.allows(attributes) for rule in rules):
                return Decision(Verdict.ALLOW, grant.describe())
        return Decision(Verdict.NO_OPINION, _missing_reason(missing))


def _missing_reason(missing: list[str]) -> str:
    if not missing:
        return ""
    unique = sorted(set(missing))
    return f"RBAC: {unique[0]}" if len(unique) == 1 else f"RBAC: [{', '.join(unique)}]"
