"""Roles and bindings by subject: which rules a user has, here and cluster-wide. Kept fresh by whoever
watches them.

`put` and `drop` take objects as the watch delivers them, in any order: a binding may name a role that is not
there yet. Everything is memory; `generation` grows with every change so that cached decisions can be dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.apiserver.authz.rbac.rules import CompiledRule, compile_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.types import Object
    from steersman.apiserver.authn import User

SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Grant:
    """One subject of one binding. `namespace` is empty for a ClusterRoleBinding."""

    kind: str
    """ClusterRoleBinding or RoleBinding."""
    name: str
    namespace: str
    role_kind: str
    role_name: str
    subject: str
    """As the reason shows it: `Group "system:masters"`."""

    @property
    def role_key(self) -> tuple[str, str, str]:
        return self.role_kind, self.namespace if self.role_kind == "Role" else "", self.role_name

    def describe(self) -> str:
        where = f"{self.name}/{self.namespace}" if self.namespace else self.name
        return (
            f'RBAC: allowed by {self.kind} "{where}" of {self.role_kind} "{self.role_name}" to {self.subject}'
        )


class RBACIndex:
    """The state of RBAC, by subject key ("u:<user>" or "g:<group>")."""

    def __init__(self) -> None:
        self.generation = 0
        self._rules: dict[tuple[str, str, str], tuple[CompiledRule, ...]] = {}
        self._role_objects: dict[tuple[str, str, str], Object] = {}
        self._grants: dict[tuple[str, str, str], list[tuple[str, Grant]]] = {}
        self._by_subject: dict[str, dict[Grant, None]] = {}

    def put(self, obj: Object) -> None:
        """Add or replace a Role, ClusterRole, RoleBinding or ClusterRoleBinding (`kind` must be set)."""
        key = _key(obj)
        if key[0] in ("Role", "ClusterRole"):
            self._rules[key] = compile_rules(obj.get("rules"))
            self._role_objects[key] = obj
        else:
            self._forget_grants(key)
            grants = list(_grants(obj))
            self._grants[key] = grants
            for subject, grant in grants:
                self._by_subject.setdefault(subject, {})[grant] = None
        self.generation += 1

    def drop(self, obj: Object) -> None:
        key = _key(obj)
        self._rules.pop(key, None)
        self._role_objects.pop(key, None)
        self._forget_grants(key)
        self.generation += 1

    def _forget_grants(self, key: tuple[str, str, str]) -> None:
        for subject, grant in self._grants.pop(key, ()):
            grants = self._by_subject.get(subject, {})
            grants.pop(grant, None)
            if not grants:
                self._by_subject.pop(subject, None)

    def grants(self, user: User, namespace: str = "") -> Iterator[Grant]:
        """The user's grants that count in `namespace`; cluster-wide ones always do."""
        for subject in (f"u:{user.name}", *(f"g:{group}" for group in user.groups)):
            for grant in self._by_subject.get(subject, ()):
                if not grant.namespace or grant.namespace == namespace:
                    yield grant

    def rules(self, grant: Grant) -> tuple[CompiledRule, ...] | None:
        """The rules of the role a grant names; None when there is no such role."""
        return self._rules.get(grant.role_key)

    def rule_objects(self, grant: Grant) -> list[Object]:
        """The rules as the role states them."""
        return self.role_rules(*grant.role_key) or []

    def role_rules(self, kind: str, namespace: str, name: str) -> list[Object] | None:
        role = self._role_objects.get((kind, namespace, name))
        return None if role is None else role.get("rules") or []

    def user_rules(self, user: User, namespace: str) -> list[CompiledRule]:
        """All the rules a user has in a namespace."""
        return [rule for grant in self.grants(user, namespace) for rule in self.rules(grant) or ()]


def _key(obj: Object) -> tuple[str, str, str]:
    metadata = obj["metadata"]
    return obj["kind"], metadata.get("namespace", ""), metadata["name"]


def _grants(binding: Object) -> Iterator[tuple[str, Grant]]:
    kind, namespace, name = _key(binding)
    reference = binding.get("roleRef") or {}
    for subject in binding.get("subjects") or ():
        key, text = _subject(subject, namespace)
        yield key, Grant(kind, name, namespace, reference.get("kind", ""), reference.get("name", ""), text)


def _subject(subject: Object, namespace: str) -> tuple[str, str]:
    kind, name = subject.get("kind", ""), subject.get("name", "")
    if kind == "ServiceAccount":
        where = subject.get("namespace") or namespace
        return f"u:{SERVICE_ACCOUNT_PREFIX}{where}:{name}", f'ServiceAccount "{name}/{where}"'
    prefix = "g" if kind == "Group" else "u"
    return f"{prefix}:{name}", f'{kind} "{name}"'
