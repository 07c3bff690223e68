"""Compact notation for roles and bindings, and its expansion to manifests.

Rule("get list watch", "pods services")                  the core group
Rule("patch", "deployments/status", "apps extensions")   groups by name
Rule("update", "leases", "coordination.k8s.io", "kube-scheduler")     one object
Url("get", "/healthz /livez")                            paths that are no resources
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steersman.api.types import Object

GROUP = "rbac.authorization.k8s.io"
API_VERSION = f"{GROUP}/v1"
AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"

CORE = "core"
"""How the core group (the empty name) is written in `Rule.groups`."""

READ = "get list watch"
WRITE = "create delete deletecollection patch update"
ALL_VERBS = f"{READ} {WRITE}"


@dataclass(frozen=True, slots=True)
class Rule:
    """Each field is a list of words."""

    verbs: str
    resources: str
    groups: str = CORE
    names: str = ""


@dataclass(frozen=True, slots=True)
class Url:
    verbs: str
    paths: str


EVENTS = Rule("create patch update", "events", "core events.k8s.io")
"""What every component needs to report events."""


@dataclass(frozen=True, slots=True)
class RoleSpec:
    """`aggregate_to` names the role whose aggregation picks this one up; `aggregates` makes it such a
    role."""

    name: str
    rules: tuple[Rule | Url, ...] = ()
    aggregate_to: str = ""
    aggregates: bool = False


@dataclass(frozen=True, slots=True)
class BindingSpec:
    """`subjects`: "group:<name>", "user:<name>" or "sa:<namespace>/<name>"; `role` defaults to the name."""

    name: str
    subjects: tuple[str, ...]
    role: str = ""
    labels: dict[str, str] = field(default_factory=dict)


def rule_manifest(rule: Rule | Url) -> Object:
    if isinstance(rule, Url):
        return {"verbs": rule.verbs.split(), "nonResourceURLs": rule.paths.split()}
    manifest: Object = {
        "verbs": rule.verbs.split(),
        "apiGroups": ["" if group == CORE else group for group in rule.groups.split()],
        "resources": rule.resources.split(),
    }
    if rule.names:
        manifest["resourceNames"] = rule.names.split()
    return manifest


def cluster_role(spec: RoleSpec) -> Object:
    manifest = _object("ClusterRole", spec.name)
    if spec.aggregate_to:
        manifest["metadata"]["labels"][f"{GROUP}/aggregate-to-{spec.aggregate_to}"] = "true"
    if spec.aggregates:
        label = f"{GROUP}/aggregate-to-{spec.name}"
        manifest["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]}
    manifest["rules"] = [rule_manifest(rule) for rule in spec.rules]
    return manifest


def role(namespace: str, spec: RoleSpec) -> Object:
    manifest = _object("Role", spec.name, namespace)
    manifest["rules"] = [rule_manifest(rule) for rule in spec.rules]
    return manifest


def cluster_role_binding(spec: BindingSpec) -> Object:
    return _binding(_object("ClusterRoleBinding", spec.name), "ClusterRole", spec)


def role_binding(namespace: str, spec: BindingSpec) -> Object:
    return _binding(_object("RoleBinding", spec.name, namespace), "Role", spec)


def _binding(manifest: Object, kind: str, spec: BindingSpec) -> Object:
    manifest["roleRef"] = {"apiGroup": GROUP, "kind": kind, "name": spec.role or spec.name}
    manifest["subjects"] = [_subject(subject) for subject in spec.subjects]
    return manifest


def _subject(text: str) -> Object:
    kind, _, name = text.partition(":")
    if kind == "sa":
        namespace, _, account = name.partition("/")
        return {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    return {"kind": {"group": "Group", "user": "User"}[kind], "apiGroup": GROUP, "name": name}


def _object(kind: str, name: str, namespace: str = "") -> Object:
    metadata: Object = {
        "name": name,
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "annotations": {AUTOUPDATE: "true"},
    }
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata}
