"""Default ClusterRoleBindings of the user-facing roles and components."""

from __future__ import annotations

from steersman.apiserver.authz.policy.manifests import BindingSpec

CLUSTER_ROLE_BINDINGS = (
    BindingSpec("cluster-admin", ("group:system:masters",)),
    BindingSpec("system:monitoring", ("group:system:monitoring",)),
    BindingSpec("system:discovery", ("group:system:authenticated",)),
    BindingSpec("system:basic-user", ("group:system:authenticated",)),
    BindingSpec("system:public-info-viewer", ("group:system:authenticated", "group:system:unauthenticated")),
    BindingSpec("system:service-account-issuer-discovery", ("group:system:serviceaccounts",)),
    BindingSpec("system:node-proxier", ("user:system:kube-proxy",)),
    BindingSpec("system:kube-controller-manager", ("user:system:kube-controller-manager",)),
    BindingSpec("system:kube-dns", ("sa:kube-system/kube-dns",)),
    BindingSpec("system:kube-scheduler", ("user:system:kube-scheduler",)),
    BindingSpec("system:volume-scheduler", ("user:system:kube-scheduler",)),
    # Nobody: the Node authorizer gives nodes their rights, object by object.
    BindingSpec("system:node", ()),
)
