"""The table of kinds: every resource of Kubernetes 1.37, one row each.

`RESOURCES` holds all of them; those of level `ga` are served by default (`SERVED`), betas and alphas wait for
a switch. Constants are named after the plural of the kind; where two versions or groups have the same kind,
the plain name is the one to use (`EVENTS` is core/v1, `HORIZONTAL_POD_AUTOSCALERS` is autoscaling/v2).

Facts (names, scopes, verbs, sub-resources, short names, categories) are those of upstream's discovery.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from steersman.api.resource import (
    ALL_VERBS,
    CREATE_ONLY,
    MODIFY,
    PROXY,
    READ_ONLY,
    STREAM,
    WITHOUT_COLLECTION,
    Resource,
    Subresource,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["GROUP_ORDER", "RESOURCES", "SERVED", "Resource", "Subresource", "by_kind", "discovery_order"]

T = TypeVar("T")
_ALL = ("all",)
_EXTENSIONS = ("api-extensions",)
_SCALE = Subresource("scale", "Scale", MODIFY, "autoscaling", "v1")


def _row(
    api_version: str,
    kind: str,
    plural: str,
    *short_names: str,
    namespaced: bool = True,
    verbs: tuple[str, ...] = ALL_VERBS,
    status: bool = False,
    sub: tuple[Subresource, ...] = (),
    categories: tuple[str, ...] = (),
    stored: str = "",
) -> Resource:
    group, _, version = api_version.rpartition("/")
    stored_group, _, stored_version = stored.rpartition("/")
    rows = (*sub, Subresource("status", kind, MODIFY)) if status else sub
    return Resource(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        singular=kind.lower(),
        namespaced=namespaced,
        verbs=verbs,
        short_names=short_names,
        categories=categories,
        subresources=rows,
        level="alpha" if "alpha" in version else "beta" if "beta" in version else "ga",
        stored_group=stored_group,
        stored_version=stored_version,
    )


def _cluster(
    api_version: str,
    kind: str,
    plural: str,
    *short_names: str,
    verbs: tuple[str, ...] = ALL_VERBS,
    status: bool = False,
    sub: tuple[Subresource, ...] = (),
    categories: tuple[str, ...] = (),
) -> Resource:
    return _row(
        api_version,
        kind,
        plural,
        *short_names,
        namespaced=False,
        verbs=verbs,
        status=status,
        sub=sub,
        categories=categories,
    )


def _sub(name: str, kind: str, verbs: tuple[str, ...], api_version: str = "") -> Subresource:
    group, _, version = api_version.rpartition("/")
    return Subresource(name, kind, verbs, group, version)


# core
BINDINGS = _row("v1", "Binding", "bindings", verbs=CREATE_ONLY)
COMPONENT_STATUSES = _cluster("v1", "ComponentStatus", "componentstatuses", "cs", verbs=READ_ONLY)
CONFIG_MAPS = _row("v1", "ConfigMap", "configmaps", "cm")
ENDPOINTS = _row("v1", "Endpoints", "endpoints", "ep")
EVENTS = _row("v1", "Event", "events", "ev")
LIMIT_RANGES = _row("v1", "LimitRange", "limitranges", "limits")
NAMESPACES = _cluster(
    "v1",
    "Namespace",
    "namespaces",
    "ns",
    verbs=WITHOUT_COLLECTION,
    status=True,
    sub=(_sub("finalize", "Namespace", ("update",)),),
)
NODES = _cluster(
    "v1", "Node", "nodes", "no", status=True, sub=(_sub("proxy", "NodeProxyOptions", PROXY, "v1"),)
)
PERSISTENT_VOLUME_CLAIMS = _row("v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", status=True)
PERSISTENT_VOLUMES = _cluster("v1", "PersistentVolume", "persistentvolumes", "pv", status=True)
PODS = _row(
    "v1",
    "Pod",
    "pods",
    "po",
    status=True,
    categories=_ALL,
    sub=(
        _sub("attach", "PodAttachOptions", STREAM, "v1"),
        _sub("binding", "Binding", CREATE_ONLY, "v1"),
        _sub("ephemeralcontainers", "Pod", MODIFY),
        _sub("eviction", "Eviction", CREATE_ONLY, "policy/v1"),
        _sub("exec", "PodExecOptions", STREAM, "v1"),
        _sub("log", "Pod", ("get",)),
        _sub("portforward", "PodPortForwardOptions", STREAM, "v1"),
        _sub("proxy", "PodProxyOptions", PROXY, "v1"),
        _sub("resize", "Pod", MODIFY),
    ),
)
POD_TEMPLATES = _row("v1", "PodTemplate", "podtemplates")
REPLICATION_CONTROLLERS = _row(
    "v1", "ReplicationController", "replicationcontrollers", "rc", status=True, categories=_ALL, sub=(_SCALE,)
)
RESOURCE_QUOTAS = _row("v1", "ResourceQuota", "resourcequotas", "quota", status=True)
SECRETS = _row("v1", "Secret", "secrets")
SERVICE_ACCOUNTS = _row(
    "v1",
    "ServiceAccount",
    "serviceaccounts",
    "sa",
    sub=(_sub("token", "TokenRequest", CREATE_ONLY, "authentication.k8s.io/v1"),),
)
SERVICES = _row(
    "v1",
    "Service",
    "services",
    "svc",
    status=True,
    categories=_ALL,
    sub=(_sub("proxy", "ServiceProxyOptions", PROXY, "v1"),),
)

# apiregistration.k8s.io
API_SERVICES = _cluster(
    "apiregistration.k8s.io/v1", "APIService", "apiservices", status=True, categories=_EXTENSIONS
)

# apps
CONTROLLER_REVISIONS = _row("apps/v1", "ControllerRevision", "controllerrevisions")
DAEMON_SETS = _row("apps/v1", "DaemonSet", "daemonsets", "ds", status=True, categories=_ALL)
DEPLOYMENTS = _row(
    "apps/v1", "Deployment", "deployments", "deploy", status=True, categories=_ALL, sub=(_SCALE,)
)
REPLICA_SETS = _row("apps/v1", "ReplicaSet", "replicasets", "rs", status=True, categories=_ALL, sub=(_SCALE,))
STATEFUL_SETS = _row(
    "apps/v1", "StatefulSet", "statefulsets", "sts", status=True, categories=_ALL, sub=(_SCALE,)
)

# events.k8s.io: the same objects as core events
EVENTS_V1 = _row("events.k8s.io/v1", "Event", "events", "ev", stored="v1")

# authentication.k8s.io and authorization.k8s.io: questions, never stored
SELF_SUBJECT_REVIEWS = _cluster(
    "authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews", verbs=CREATE_ONLY
)
TOKEN_REVIEWS = _cluster("authentication.k8s.io/v1", "TokenReview", "tokenreviews", verbs=CREATE_ONLY)
LOCAL_SUBJECT_ACCESS_REVIEWS = _row(
    "authorization.k8s.io/v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", verbs=CREATE_ONLY
)
SELF_SUBJECT_ACCESS_REVIEWS = _cluster(
    "authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", verbs=CREATE_ONLY
)
SELF_SUBJECT_RULES_REVIEWS = _cluster(
    "authorization.k8s.io/v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", verbs=CREATE_ONLY
)
SUBJECT_ACCESS_REVIEWS = _cluster(
    "authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews", verbs=CREATE_ONLY
)

# autoscaling: one stored form for both versions
HORIZONTAL_POD_AUTOSCALERS = _row(
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    "horizontalpodautoscalers",
    "hpa",
    status=True,
    categories=_ALL,
)
HORIZONTAL_POD_AUTOSCALERS_V1 = _row(
    "autoscaling/v1",
    "HorizontalPodAutoscaler",
    "horizontalpodautoscalers",
    "hpa",
    status=True,
    categories=_ALL,
    stored="autoscaling/v2",
)

# batch
CRON_JOBS = _row("batch/v1", "CronJob", "cronjobs", "cj", status=True, categories=_ALL)
JOBS = _row("batch/v1", "Job", "jobs", status=True, categories=_ALL)

# certificates.k8s.io
CERTIFICATE_SIGNING_REQUESTS = _cluster(
    "certificates.k8s.io/v1",
    "CertificateSigningRequest",
    "certificatesigningrequests",
    "csr",
    status=True,
    sub=(_sub("approval", "CertificateSigningRequest", MODIFY),),
)
CLUSTER_TRUST_BUNDLES = _cluster("certificates.k8s.io/v1", "ClusterTrustBundle", "clustertrustbundles")
POD_CERTIFICATE_REQUESTS = _row(
    "certificates.k8s.io/v1", "PodCertificateRequest", "podcertificaterequests", status=True
)

# networking.k8s.io
INGRESS_CLASSES = _cluster("networking.k8s.io/v1", "IngressClass", "ingressclasses")
INGRESSES = _row("networking.k8s.io/v1", "Ingress", "ingresses", "ing", status=True)
IP_ADDRESSES = _cluster("networking.k8s.io/v1", "IPAddress", "ipaddresses", "ip")
NETWORK_POLICIES = _row("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", "netpol")
SERVICE_CIDRS = _cluster("networking.k8s.io/v1", "ServiceCIDR", "servicecidrs", status=True)

# policy
POD_DISRUPTION_BUDGETS = _row("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb", status=True)

# rbac.authorization.k8s.io
CLUSTER_ROLE_BINDINGS = _cluster("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings")
CLUSTER_ROLES = _cluster("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles")
ROLE_BINDINGS = _row("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
ROLES = _row("rbac.authorization.k8s.io/v1", "Role", "roles")

# storage.k8s.io
CSI_DRIVERS = _cluster("storage.k8s.io/v1", "CSIDriver", "csidrivers")
CSI_NODES = _cluster("storage.k8s.io/v1", "CSINode", "csinodes")
CSI_STORAGE_CAPACITIES = _row("storage.k8s.io/v1", "CSIStorageCapacity", "csistoragecapacities")
STORAGE_CLASSES = _cluster("storage.k8s.io/v1", "StorageClass", "storageclasses", "sc")
VOLUME_ATTACHMENTS = _cluster("storage.k8s.io/v1", "VolumeAttachment", "volumeattachments", status=True)
VOLUME_ATTRIBUTES_CLASSES = _cluster(
    "storage.k8s.io/v1", "VolumeAttributesClass", "volumeattributesclasses", "vac"
)

# admissionregistration.k8s.io
MUTATING_ADMISSION_POLICIES = _cluster(
    "admissionregistration.k8s.io/v1",
    "MutatingAdmissionPolicy",
    "mutatingadmissionpolicies",
    categories=_EXTENSIONS,
)
MUTATING_ADMISSION_POLICY_BINDINGS = _cluster(
    "admissionregistration.k8s.io/v1",
    "MutatingAdmissionPolicyBinding",
    "mutatingadmissionpolicybindings",
    categories=_EXTENSIONS,
)
MUTATING_WEBHOOK_CONFIGURATIONS = _cluster(
    "admissionregistration.k8s.io/v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    categories=_EXTENSIONS,
)
VALIDATING_ADMISSION_POLICIES = _cluster(
    "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicy",
    "validatingadmissionpolicies",
    status=True,
    categories=_EXTENSIONS,
)
VALIDATING_ADMISSION_POLICY_BINDINGS = _cluster(
    "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
    categories=_EXTENSIONS,
)
VALIDATING_WEBHOOK_CONFIGURATIONS = _cluster(
    "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    categories=_EXTENSIONS,
)

# apiextensions.k8s.io
CUSTOM_RESOURCE_DEFINITIONS = _cluster(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    "crd",
    "crds",
    status=True,
    categories=_EXTENSIONS,
)

# scheduling.k8s.io, coordination.k8s.io, node.k8s.io, discovery.k8s.io
PRIORITY_CLASSES = _cluster("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", "pc")
LEASES = _row("coordination.k8s.io/v1", "Lease", "leases")
RUNTIME_CLASSES = _cluster("node.k8s.io/v1", "RuntimeClass", "runtimeclasses")
ENDPOINT_SLICES = _row("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")

# flowcontrol.apiserver.k8s.io
FLOW_SCHEMAS = _cluster("flowcontrol.apiserver.k8s.io/v1", "FlowSchema", "flowschemas", status=True)
PRIORITY_LEVEL_CONFIGURATIONS = _cluster(
    "flowcontrol.apiserver.k8s.io/v1",
    "PriorityLevelConfiguration",
    "prioritylevelconfigurations",
    status=True,
)

# resource.k8s.io
DEVICE_CLASSES = _cluster("resource.k8s.io/v1", "DeviceClass", "deviceclasses")
DEVICE_TAINT_RULES = _cluster("resource.k8s.io/v1", "DeviceTaintRule", "devicetaintrules", status=True)
RESOURCE_CLAIM_TEMPLATES = _row("resource.k8s.io/v1", "ResourceClaimTemplate", "resourceclaimtemplates")
RESOURCE_CLAIMS = _row("resource.k8s.io/v1", "ResourceClaim", "resourceclaims", status=True)
RESOURCE_SLICES = _cluster("resource.k8s.io/v1", "ResourceSlice", "resourceslices")

# storagemigration.k8s.io
STORAGE_VERSION_MIGRATIONS = _cluster(
    "storagemigration.k8s.io/v1", "StorageVersionMigration", "storageversionmigrations", status=True
)


def _previews() -> tuple[Resource, ...]:
    """Betas and alphas: served only when switched on; stored in the GA form where there is one."""
    resource = [
        _cluster(f"resource.k8s.io/{v}", "DeviceClass", "deviceclasses") for v in ("v1beta2", "v1beta1")
    ]
    resource += [
        _cluster(f"resource.k8s.io/{v}", "DeviceTaintRule", "devicetaintrules", status=True)
        for v in ("v1beta2", "v1alpha3")
    ]
    for version in ("v1beta2", "v1beta1"):
        api_version = f"resource.k8s.io/{version}"
        resource += [
            _row(api_version, "ResourceClaimTemplate", "resourceclaimtemplates"),
            _row(api_version, "ResourceClaim", "resourceclaims", status=True),
            _cluster(api_version, "ResourceSlice", "resourceslices"),
        ]
    policies = [
        _cluster(f"admissionregistration.k8s.io/{v}", kind, plural, categories=_EXTENSIONS)
        for v in ("v1beta1", "v1alpha1")
        for kind, plural in (
            ("MutatingAdmissionPolicy", "mutatingadmissionpolicies"),
            ("MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings"),
        )
    ]
    scheduling = [
        _row("scheduling.k8s.io/v1beta1", "PodGroup", "podgroups", status=True),
        _row("scheduling.k8s.io/v1beta1", "Workload", "workloads"),
        _row("scheduling.k8s.io/v1alpha3", "CompositePodGroup", "compositepodgroups", status=True),
        _row("scheduling.k8s.io/v1alpha3", "PodGroup", "podgroups", status=True),
        _row("scheduling.k8s.io/v1alpha3", "Workload", "workloads"),
    ]
    return (
        *resource,
        *policies,
        *scheduling,
        _cluster("certificates.k8s.io/v1beta1", "ClusterTrustBundle", "clustertrustbundles"),
        _row("certificates.k8s.io/v1beta1", "PodCertificateRequest", "podcertificaterequests", status=True),
        _row("coordination.k8s.io/v1beta1", "LeaseCandidate", "leasecandidates"),
        _row("coordination.k8s.io/v1alpha2", "LeaseCandidate", "leasecandidates"),
        _cluster("internal.apiserver.k8s.io/v1alpha1", "StorageVersion", "storageversions", status=True),
        _row("lifecycle.k8s.io/v1alpha1", "Eviction", "evictions", status=True),
        _row("lifecycle.k8s.io/v1alpha1", "EvictionRequest", "evictionrequests", status=True),
        _cluster(
            "resource.k8s.io/v1alpha3", "ResourcePoolStatusRequest", "resourcepoolstatusrequests", status=True
        ),
        _cluster(
            "storagemigration.k8s.io/v1beta1",
            "StorageVersionMigration",
            "storageversionmigrations",
            status=True,
        ),
    )


SERVED: tuple[Resource, ...] = tuple(
    sorted(
        (value for value in list(globals().values()) if isinstance(value, Resource)),
        key=lambda row: (row.group, row.version, row.plural),
    )
)
"""Every GA resource, sorted by group, version and plural."""


def _stored(rows: Iterable[Resource]) -> Iterable[Resource]:
    """Give the versions of a kind one stored form: that of the first row, the most stable one."""
    first = {(row.group, row.plural): row for row in reversed((*SERVED, *_previews()))}
    for row in rows:
        stable = first[row.group, row.plural]
        yield replace(row, stored_group=stable.stored_group, stored_version=stable.stored_version)


RESOURCES: tuple[Resource, ...] = (*SERVED, *_stored(_previews()))
"""Every resource of every level."""

GROUP_ORDER: tuple[str, ...] = (
    "",
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "resource.k8s.io",
    "storagemigration.k8s.io",
    "lifecycle.k8s.io",
)
"""Built-in groups by preference, as `/apis` lists them (upstream's aggregator priorities); others follow."""

_GROUP_RANK = {group: rank for rank, group in enumerate(GROUP_ORDER)}
_VERSION = re.compile(r"^v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?$")
_LEVEL_RANK = {None: 0, "beta": 1, "alpha": 2}


DEPRECATIONS: dict[Resource, str] = {
    COMPONENT_STATUSES: "v1 ComponentStatus is deprecated in v1.19+",
    ENDPOINTS: "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
}
"""What the Warning header of every request for a resource says."""


def version_key(version: str) -> tuple[int, int, int, str]:
    """Sort key of versions by preference: v2, v1, v1beta2, v1beta1, v1alpha1, then anything else by name."""
    match = _VERSION.match(version)
    if match is None:
        return (3, 0, 0, version)
    major, level, minor = match.groups()
    return (_LEVEL_RANK[level], -int(major), -int(minor or 0), version)


def discovery_order(resources: Iterable[Resource]) -> list[tuple[str, list[str]]]:
    """Groups with their versions as discovery lists them, most preferred first."""
    found: dict[str, set[str]] = {}
    for row in resources:
        found.setdefault(row.group, set()).add(row.version)
    groups = sorted(found, key=lambda group: (_GROUP_RANK.get(group, len(_GROUP_RANK)), group))
    return [(group, sorted(found[group], key=version_key)) for group in groups]


_BY_KIND: dict[tuple[str, str], Resource] = {(row.api_version, row.kind): row for row in RESOURCES}


def versions_of(resource: Resource) -> tuple[Resource, ...]:
    """All rows of a kind, whatever their level, the given one included."""
    wanted = (resource.group, resource.plural)
    return tuple(row for row in RESOURCES if (row.group, row.plural) == wanted)


def for_previews(table: Mapping[Resource, T]) -> dict[Resource, T]:
    """The rows that betas and alphas take from their kind's most stable version, where they have none."""
    found = {}
    for row in RESOURCES:
        stable = versions_of(row)[0] if row.level != "ga" else row
        if row not in table and stable in table:
            found[row] = table[stable]
    return found


def by_kind(api_version: str, kind: str) -> Resource | None:
    """The built-in row of `apiVersion` and `kind`, as owner references and manifests name it."""
    return _BY_KIND.get((api_version, kind))
