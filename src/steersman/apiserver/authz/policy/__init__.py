"""The roles and bindings every cluster starts with, as data, and how they are kept.

`bootstrap_policy()` gives complete manifests. They carry the annotation
`rbac.authorization.kubernetes.io/autoupdate: "true"`: at every start missing rules and subjects are added
back, what a user added is kept, and an object whose annotation says "false" is left alone (`reconcile.py`).
Source: upstream's RBAC bootstrap policy; what Steersman adds to it is in `steersman.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver.authz.policy import bindings, cluster, controllers, namespaced, steersman
from steersman.apiserver.authz.policy.manifests import cluster_role, cluster_role_binding, role, role_binding
from steersman.apiserver.authz.rbac.aggregation import plan_aggregation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from steersman.api.types import Object

__all__ = ["bootstrap_policy"]


def bootstrap_policy() -> Iterator[Object]:
    """Every default object, roles before the bindings that name them; aggregated roles with their rules."""
    yield from _cluster_roles()
    for binding_spec in (*bindings.CLUSTER_ROLE_BINDINGS, *controllers.bindings(), *steersman.BINDINGS):
        yield cluster_role_binding(binding_spec)
    for namespace, role_spec in namespaced.ROLES:
        yield role(namespace, role_spec)
    for namespace, binding_spec in namespaced.ROLE_BINDINGS:
        yield role_binding(namespace, binding_spec)


def _cluster_roles() -> Iterable[Object]:
    specs = (*cluster.CLUSTER_ROLES, *controllers.cluster_roles(), *steersman.CLUSTER_ROLES)
    roles = {spec.name: cluster_role(spec) for spec in specs}
    while changed := plan_aggregation(roles):  # aggregated roles may be part of aggregated roles
        for name, rules in changed.items():
            roles[name]["rules"] = rules
    return roles.values()
