"""The role of every controller, bound to its service account and to the process that runs them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver.authz.policy.manifests import EVENTS, READ, BindingSpec, RoleSpec, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFIX = "system:controller:"
_CRUD = "create delete get list patch update watch"
_OWN_PODS = Rule("create delete get list patch update watch", "pods")
_STORAGE, _NET, _DRA = "storage.k8s.io", "networking.k8s.io", "resource.k8s.io"
_CERTS, _SLICES = "certificates.k8s.io", "discovery.k8s.io"


def _workload(plural: str, group: str = "apps") -> tuple[Rule, ...]:
    """Read a workload, write its status, own its finalizers."""
    return (
        Rule("get list patch update watch", plural, group),
        Rule("patch update", f"{plural}/status", group),
        Rule("update", f"{plural}/finalizers", group),
    )


ROLES: dict[str, tuple[Rule, ...]] = {
    "attachdetach-controller": (
        Rule("list watch", "persistentvolumeclaims persistentvolumes pods"),
        Rule(READ, "nodes"),
        Rule("patch update", "nodes/status"),
        Rule("create delete get list watch", "volumeattachments", _STORAGE),
        Rule(READ, "csidrivers csinodes", _STORAGE),
    ),
    "certificate-controller": (
        Rule("delete get list watch", "certificatesigningrequests", _CERTS),
        Rule("update", "certificatesigningrequests/approval certificatesigningrequests/status", _CERTS),
        Rule("approve", "signers", _CERTS, "kubernetes.io/kube-apiserver-client-kubelet"),
        Rule(
            "sign",
            "signers",
            _CERTS,
            "kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet "
            "kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown",
        ),
        Rule("create", "subjectaccessreviews", "authorization.k8s.io"),
    ),
    "clusterrole-aggregation-controller": (
        Rule("escalate get list patch update watch", "clusterroles", "rbac.authorization.k8s.io"),
    ),
    "cronjob-controller": (
        *_workload("cronjobs", "batch"),
        Rule(_CRUD, "jobs", "batch"),
        Rule("delete list watch", "pods"),
    ),
    "daemon-set-controller": (
        *_workload("daemonsets"),
        Rule("list watch", "nodes"),
        _OWN_PODS,
        Rule("create", "pods/binding"),
        Rule(_CRUD, "controllerrevisions", "apps"),
    ),
    "deployment-controller": (
        *_workload("deployments"),
        Rule(_CRUD, "replicasets", "apps"),
        Rule("get list update watch", "pods"),
    ),
    "device-taint-eviction-controller": (
        Rule("delete get list watch", "pods"),
        Rule("patch update", "pods/status"),
        Rule(READ, "deviceclasses resourceclaims resourceslices", _DRA),
    ),
    "disruption-controller": (
        Rule(READ, "deployments replicasets statefulsets", "apps"),
        Rule(READ, "replicationcontrollers"),
        Rule(READ, "poddisruptionbudgets", "policy"),
        Rule("patch update", "poddisruptionbudgets/status", "policy"),
        Rule("patch update", "pods/status"),
        Rule("get", "*/scale", "*"),
    ),
    "endpoint-controller": (
        Rule(READ, "pods services"),
        Rule(_CRUD, "endpoints"),
        Rule("create", "endpoints/restricted"),
    ),
    "endpointslice-controller": (
        Rule(READ, "nodes pods services"),
        Rule("update", "services/finalizers"),
        Rule(_CRUD, "endpointslices", _SLICES),
        Rule("create", "endpointslices/restricted", _SLICES),
    ),
    "endpointslicemirroring-controller": (
        Rule(READ, "endpoints services"),
        Rule("update", "services/finalizers endpoints/finalizers"),
        Rule(_CRUD, "endpointslices", _SLICES),
        Rule("create", "endpointslices/restricted", _SLICES),
    ),
    "ephemeral-volume-controller": (
        Rule(READ, "pods"),
        Rule("update", "pods/finalizers"),
        Rule("create get list watch", "persistentvolumeclaims"),
    ),
    "expand-controller": (
        Rule("get list patch update watch", "persistentvolumes"),
        Rule("patch update", "persistentvolumeclaims/status"),
        Rule(READ, "persistentvolumeclaims"),
    ),
    "generic-garbage-collector": (Rule("delete get list patch update watch", "*", "*"),),
    "horizontal-pod-autoscaler": (
        Rule(READ, "horizontalpodautoscalers", "autoscaling"),
        Rule("patch update", "horizontalpodautoscalers/status", "autoscaling"),
        Rule("get patch update", "*/scale", "*"),
        Rule("list watch", "pods"),
        Rule("list watch", "pods", "metrics.k8s.io"),
        Rule(READ, "*", "custom.metrics.k8s.io external.metrics.k8s.io"),
    ),
    "job-controller": (*_workload("jobs", "batch"), _OWN_PODS),
    "legacy-service-account-token-cleaner": (
        Rule("get", "configmaps", names="kube-apiserver-legacy-service-account-token-tracking"),
        Rule("delete patch", "secrets"),
    ),
    "namespace-controller": (
        Rule("delete get list watch", "namespaces"),
        Rule("update", "namespaces/finalize namespaces/status"),
        Rule("delete deletecollection get list watch", "*", "*"),
    ),
    "node-controller": (
        Rule("delete get list patch update watch", "nodes"),
        Rule("patch update", "nodes/status pods/status"),
        Rule("delete get list watch", "pods"),
    ),
    "persistent-volume-binder": (
        Rule(_CRUD, "persistentvolumes"),
        Rule("patch update", "persistentvolumes/status persistentvolumeclaims/status"),
        Rule("get list patch update watch", "persistentvolumeclaims"),
        Rule("create delete get list watch", "pods"),
        Rule(READ, "storageclasses", _STORAGE),
        Rule("list watch", "nodes"),
        Rule("watch", "events"),
    ),
    "pod-garbage-collector": (
        Rule("delete list watch", "pods"),
        Rule(READ, "nodes"),
        Rule("patch", "pods/status"),
    ),
    "pv-protection-controller": (Rule("get list patch update watch", "persistentvolumes"),),
    "pvc-protection-controller": (
        Rule("get list patch update watch", "persistentvolumeclaims"),
        Rule("patch update", "persistentvolumeclaims/status"),
        Rule(READ, "pods"),
    ),
    "replicaset-controller": (*_workload("replicasets"), _OWN_PODS),
    "replication-controller": (*_workload("replicationcontrollers", "core"), _OWN_PODS),
    "resource-claim-controller": (
        Rule(READ, "pods"),
        Rule("update", "pods/finalizers"),
        Rule(_CRUD, "resourceclaims", _DRA),
        Rule("patch update", "resourceclaims/status resourceclaims/binding", _DRA),
        Rule("patch update", "pods/status"),
    ),
    "resourcequota-controller": (
        Rule("list watch", "*", "*"),
        Rule("patch update", "resourcequotas/status"),
    ),
    "root-ca-cert-publisher": (Rule("create get patch update", "configmaps"),),
    "route-controller": (Rule("list watch", "nodes"), Rule("patch", "nodes/status")),
    "selinux-warning-controller": (
        Rule(READ, "persistentvolumeclaims persistentvolumes pods"),
        Rule(READ, "csidrivers", _STORAGE),
    ),
    "service-account-controller": (Rule("create", "serviceaccounts"),),
    "service-cidrs-controller": (
        Rule("get list patch update watch", "servicecidrs", _NET),
        Rule("patch update", "servicecidrs/finalizers servicecidrs/status", _NET),
        Rule(READ, "ipaddresses", _NET),
    ),
    "service-controller": (
        Rule(READ, "services"),
        Rule("patch update", "services services/status"),
        Rule("list watch", "nodes"),
    ),
    "statefulset-controller": (
        *_workload("statefulsets"),
        _OWN_PODS,
        Rule("update", "pods/finalizers"),
        Rule(_CRUD, "controllerrevisions", "apps"),
        Rule("create delete get list patch update watch", "persistentvolumeclaims"),
    ),
    "ttl-after-finished-controller": (Rule("delete get list watch", "jobs", "batch"),),
    "ttl-controller": (Rule("list patch update watch", "nodes"),),
    "validatingadmissionpolicy-status-controller": (
        Rule(READ, "validatingadmissionpolicies", "admissionregistration.k8s.io"),
        Rule("get patch update", "validatingadmissionpolicies/status", "admissionregistration.k8s.io"),
    ),
    "volumeattributesclass-protection-controller": (
        Rule(READ, "persistentvolumeclaims persistentvolumes"),
        Rule("get list patch update watch", "volumeattributesclasses", _STORAGE),
    ),
}

_WITHOUT_EVENTS = {
    "clusterrole-aggregation-controller",
    "legacy-service-account-token-cleaner",
    "namespace-controller",
    "pod-garbage-collector",
}


def cluster_roles() -> Iterator[RoleSpec]:
    for name, rules in ROLES.items():
        events = () if name in _WITHOUT_EVENTS else (EVENTS,)
        yield RoleSpec(_PREFIX + name, (*rules, *events))


def bindings() -> Iterator[BindingSpec]:
    for name in ROLES:
        subjects = (f"sa:kube-system/{name}", "user:system:kube-controller-manager")
        yield BindingSpec(_PREFIX + name, subjects)
