"""Nobody hands out more than they have: role and binding writes are checked against the writer's own rules.

Writing a role needs every rule in it, or the verb `escalate` on the role; binding a role needs every rule of
it, or the verb `bind` on it. Source: "Using RBAC Authorization", privilege escalation prevention and
bootstrapping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.errors import NotFound
from steersman.api.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from steersman.apiserver.admission.plugin import forbidden
from steersman.apiserver.authn import MASTERS
from steersman.apiserver.authz import Attributes as Question
from steersman.apiserver.authz import Verdict
from steersman.apiserver.authz.chain import decide, rbac_of
from steersman.apiserver.authz.rbac.aggregation import aggregated_rules
from steersman.apiserver.authz.rbac.rules import uncovered

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation
    from steersman.apiserver.api import API
    from steersman.apiserver.authz.rbac.watched import WatchedRBAC

_ROLES = (ROLES, CLUSTER_ROLES)
_BINDINGS = (ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS)


class RBACEscalation:
    """Admission of writes to the four RBAC resources."""

    name = "RBACEscalation"

    def __init__(self, api: API) -> None:
        self._api = api

    def handles(self, resource: Resource, subresource: str, operation: Operation) -> bool:
        return operation in ("CREATE", "UPDATE") and not subresource and resource in (*_ROLES, *_BINDINGS)

    async def mutate(self, attributes: Attributes) -> None:
        return

    async def validate(self, attributes: Attributes) -> None:
        rbac = rbac_of(self._api)
        if rbac is None or MASTERS in attributes.user.groups or attributes.obj is None:
            return
        if attributes.resource in _ROLES:
            await self._check_role(rbac, attributes, attributes.obj)
        else:
            await self._check_binding(rbac, attributes, attributes.obj)

    async def _check_role(self, rbac: WatchedRBAC, attributes: Attributes, role: Object) -> None:
        old = attributes.old or {}
        wanted = role.get("rules") or []
        if role.get("aggregationRule") and role["aggregationRule"] != old.get("aggregationRule"):
            wanted = [*wanted, *aggregated_rules(role, await self._api.list(CLUSTER_ROLES))]
        if attributes.old is not None and wanted == (old.get("rules") or []):
            return
        if await self._may(
            attributes, "escalate", attributes.resource, attributes.namespace, attributes.name
        ):
            return
        await self._require(rbac, attributes, wanted)

    async def _check_binding(self, rbac: WatchedRBAC, attributes: Attributes, binding: Object) -> None:
        reference = binding.get("roleRef") or {}
        old = attributes.old or {}
        if attributes.old is not None and all(
            binding.get(field) == old.get(field) for field in ("roleRef", "subjects")
        ):
            return
        kind, name = reference.get("kind", ""), reference.get("name", "")
        resource = ROLES if kind == "Role" else CLUSTER_ROLES
        namespace = attributes.namespace if kind == "Role" else ""
        if await self._may(attributes, "bind", resource, attributes.namespace, name):
            return
        rules = (await rbac.index()).role_rules(kind, namespace, name)
        if rules is None:
            raise NotFound.of(resource, name)
        await self._require(rbac, attributes, rules)

    async def _may(
        self, attributes: Attributes, verb: str, resource: Resource, namespace: str, name: str
    ) -> bool:
        question = Question(
            user=attributes.user,
            verb=verb,
            is_resource=True,
            group=resource.group,
            version=resource.version,
            resource=resource.plural,
            namespace=namespace,
            name=name,
        )
        return (await decide(self._api, question)).verdict is Verdict.ALLOW

    async def _require(self, rbac: WatchedRBAC, attributes: Attributes, wanted: list[Object]) -> None:
        index = await rbac.index()
        missing = uncovered(index.user_rules(attributes.user, attributes.namespace), wanted)
        if not missing:
            return
        user = attributes.user
        groups = ", ".join(f'"{group}"' for group in user.groups)
        listed = "\n".join(sorted({_describe(rule) for rule in missing}))
        raise forbidden(
            attributes,
            f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions '
            f"not currently held:\n{listed}",
        )


def _describe(rule: Object) -> str:
    """A rule in the notation of upstream's message: `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`."""
    fields = (
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("ResourceNames", "resourceNames"),
        ("NonResourceURLs", "nonResourceURLs"),
        ("Verbs", "verbs"),
    )
    parts = [
        f"{title}:[{', '.join(f'{chr(34)}{value}{chr(34)}' for value in rule[field])}]"
        for title, field in fields
        if rule.get(field)
    ]
    return "{" + ", ".join(parts) + "}"
