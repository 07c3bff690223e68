"""The Node authorizer: allows a kubelet what it needs for its own node and its own pods.

It has no opinion on anybody else, and on what a node asks beyond that; RBAC is asked then. What it decides by
the object asked for:

    secrets, config maps               get, list, watch of one by name, that a pod of the node names
    claims, volumes, resource claims,
    volume attachments                 get, when a path leads to the node; claims' status too
    service accounts                   create token, for an account that a pod of the node runs as
    nodes, pods                        its own: by name, or by a field selector that says so
    leases, CSINodes                   those that bear the node's name
    resource slices, pod certificate
    requests                           lists only with a field selector of the node

and everything else by the role system:node. Source: "Using Node Authorization" as documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.fieldselector import parse_field_selector
from steersman.apiserver.authz import Decision, Verdict
from steersman.apiserver.authz.node.graph import NODE_FIELD, Graph
from steersman.apiserver.authz.node.identity import node_of
from steersman.apiserver.authz.policy.manifests import rule_manifest
from steersman.apiserver.authz.policy.nodes import NODE_RULES
from steersman.apiserver.authz.rbac.rules import compile_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.apiserver.api import API
    from steersman.apiserver.authz import Attributes

_ALLOW = Decision(Verdict.ALLOW)
_SILENT = Decision(Verdict.NO_OPINION)
LEASE_NAMESPACE = "kube-node-lease"
_READS = frozenset({"get", "list", "watch"})
_LISTS = frozenset({"list", "watch", "deletecollection"})
_OWN_VERBS = frozenset({"get", "create", "update", "patch", "delete"})
_STATUS_VERBS = frozenset({"get", "update", "patch"})


def _no(reason: str) -> Decision:
    return Decision(Verdict.NO_OPINION, reason)


class NodeAuthorizer:
    """See the module's text."""

    def __init__(self, api: API) -> None:
        self._graph = Graph(api)
        self._rules = compile_rules(rule_manifest(rule) for rule in NODE_RULES)
        self._remembered: dict[tuple[str, str, str, str, bool], Decision] = {}

    async def authorize(self, attributes: Attributes) -> Decision:
        node = node_of(attributes.user)
        if node is None:
            return _SILENT
        if not node:
            return _no(f'user "{attributes.user.name}" is a node without a name')
        if attributes.is_resource:
            kind = (attributes.group, attributes.resource)
            if kind in _BY_PATH:
                return await self._by_path(node, attributes)
            if kind == ("", "pods"):
                return await self._pods(node, attributes)
            own = _OWN.get(kind)
            if own is not None:
                reason = own(node, attributes)
                return _no(reason) if reason else _ALLOW
        return self._by_rule(attributes)

    def _by_rule(self, attributes: Attributes) -> Decision:
        """None of these rules names objects, so their answer is that for every name."""
        asked = attributes
        key = (asked.verb, asked.group, asked.resource or asked.path, asked.subresource, asked.is_resource)
        decision = self._remembered.get(key)
        if decision is None:
            allowed = any(rule.allows(attributes) for rule in self._rules)
            decision = _ALLOW if allowed else _SILENT
            if asked.is_resource:  # paths are without number
                self._remembered[key] = decision
        return decision

    async def _by_path(self, node: str, asked: Attributes) -> Decision:
        verbs = _BY_PATH[asked.group, asked.resource].get(asked.subresource)
        if not verbs or asked.verb not in verbs:
            what = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
            return _no(f"a node may not {asked.verb} {what}; it may {_words(asked)}")
        if not asked.name:
            return _no(f"a node may {asked.verb} {asked.resource} only one by one, by name")
        if await self._graph.reaches(node, asked.resource, asked.namespace, asked.name):
            return _ALLOW
        return _no(f"no relationship found between node '{node}' and this object")

    async def _pods(self, node: str, asked: Attributes) -> Decision:
        if asked.verb in _LISTS and not asked.subresource:
            if asked.verb != "deletecollection" and _selects(asked, NODE_FIELD, node):
                return _ALLOW
            return _no(f"a node may list pods only with the field selector {NODE_FIELD}={node}")
        if asked.verb == "get":
            if await self._graph.reaches(node, "pods", asked.namespace, asked.name):
                return _ALLOW
            return _no(f"a node may get only pods that are bound to it, and this one is not: '{node}'")
        return self._by_rule(asked)  # NodeRestriction looks at the pod


def _words(asked: Attributes) -> str:
    """What a node may do with objects of this kind, for the message."""
    known = _BY_PATH[asked.group, asked.resource].items()
    return "; ".join(
        f"{', '.join(sorted(verbs))} {asked.resource}{'/' + sub if sub else ''}" for sub, verbs in known
    )


def _selects(asked: Attributes, field: str, value: str) -> bool:
    try:
        return bool(asked.field_selector) and parse_field_selector(asked.field_selector).exact(field) == value
    except ValueError:
        return False


_GET = frozenset({"get"})
_BY_PATH: dict[tuple[str, str], dict[str, frozenset[str]]] = {
    ("", "secrets"): {"": _READS},
    ("", "configmaps"): {"": _READS},
    ("", "persistentvolumeclaims"): {"": _GET, "status": _STATUS_VERBS},
    ("", "persistentvolumes"): {"": _GET},
    ("", "serviceaccounts"): {"token": frozenset({"create"})},
    ("resource.k8s.io", "resourceclaims"): {"": _GET},
    ("storage.k8s.io", "volumeattachments"): {"": _GET},
}
"""Verbs by sub-resource of what has to be related to the node."""


def _node(node: str, asked: Attributes) -> str:
    """Nothing when it may, else why not."""
    if asked.subresource not in ("", "status"):
        return "of its Node a node may use nothing but the object and its status"
    if asked.verb not in ("create", "get", "list", "watch", "update", "patch"):
        return f"a node may not {asked.verb} nodes"
    if asked.name == node or (asked.verb == "create" and not asked.name):
        return ""
    return f"node '{node}' may {asked.verb} only its own Node object"


def _lease(node: str, asked: Attributes) -> str:
    if asked.verb not in _OWN_VERBS or asked.subresource:
        return f"a node may not {asked.verb} {asked.resource}; it may {', '.join(sorted(_OWN_VERBS))}"
    if asked.namespace != LEASE_NAMESPACE:
        return f"a node may use leases only in the namespace {LEASE_NAMESPACE}"
    return _own_name(node, asked)


def _csi_node(node: str, asked: Attributes) -> str:
    if asked.verb not in _OWN_VERBS or asked.subresource:
        return f"a node may not {asked.verb} {asked.resource}; it may {', '.join(sorted(_OWN_VERBS))}"
    return _own_name(node, asked)


def _own_name(node: str, asked: Attributes) -> str:
    """A create does not say the name (unless by apply); NodeRestriction looks at the object."""
    if asked.name == node or (asked.verb == "create" and not asked.name):
        return ""
    return f"a node may use only {asked.resource} that bear its own name, '{node}'"


def _by_selector(node: str, asked: Attributes) -> str:
    """Single ones are NodeRestriction's and the strategy's business."""
    if asked.subresource:
        return f"a node may not use {asked.resource}/{asked.subresource}"
    if asked.verb not in _LISTS or _selects(asked, NODE_FIELD, node):
        return ""
    return f"a node may {asked.verb} {asked.resource} only with the field selector {NODE_FIELD}={node}"


_OWN: dict[tuple[str, str], Callable[[str, Attributes], str]] = {
    ("", "nodes"): _node,
    ("coordination.k8s.io", "leases"): _lease,
    ("storage.k8s.io", "csinodes"): _csi_node,
    ("resource.k8s.io", "resourceslices"): _by_selector,
    ("certificates.k8s.io", "podcertificaterequests"): _by_selector,
}
