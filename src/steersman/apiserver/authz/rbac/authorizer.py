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
        subject = (user.name, user.groups, attributes.verb, attributes.group, attributes.is_resource)
        target = (attributes.resource or attributes.path, attributes.subresource, attributes.namespace)
        decision = self._remembered.get((subject, target))
        if decision is not None:
            return decision
        named = (subject, target, attributes.name)
        decision = self._remembered.get(named)
        if decision is None:
            decision, whatever_name = self._evaluate(attributes)
            self._remembered[(subject, target) if whatever_name else named] = decision
        return decision

    def _evaluate(self, attributes: Attributes) -> tuple[Decision, bool]:
        """The decision, and whether it is the same for every object's name."""
        missing: list[str] = []
        allowed: Decision | None = None
        namespace = attributes.namespace if attributes.is_resource else ""
        for grant in self._index.grants(attributes.user, namespace):
            rules = self._index.rules(grant)
            if rules is None:
                missing.append(f'{grant.role_kind.lower()}.{_RULE_BASED} "{grant.role_name}" not found')
                continue
            for rule in rules:
                if rule.allows(attributes):
                    allowed = Decision(Verdict.ALLOW, grant.describe())
                    if not rule.names:
                        return allowed, True
        if allowed is not None:
            return allowed, False
        return Decision(Verdict.NO_OPINION, _missing_reason(missing)), False


def _missing_reason(missing: list[str]) -> str:
    if not missing:
        return ""
    unique = sorted(set(missing))
    return f"RBAC: {unique[0]}" if len(unique) == 1 else f"RBAC: [{', '.join(unique)}]"
