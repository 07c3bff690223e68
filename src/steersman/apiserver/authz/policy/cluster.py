"""Default ClusterRoles: the user-facing ones and those of the components."""

from __future__ import annotations

from steersman.apiserver.authz.policy.manifests import ALL_VERBS, EVENTS, READ, WRITE, RoleSpec, Rule, Url
from steersman.apiserver.authz.policy.nodes import NODE_RULES

_SCALED = "deployments deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale"
_WORKLOADS = f"daemonsets {_SCALED}"
_WORKLOAD_STATUS = "daemonsets/status deployments/status replicasets/status statefulsets/status"
_CONNECT = "pods/attach pods/exec pods/portforward pods/proxy"
_AUTHN, _AUTHZ = "authentication.k8s.io", "authorization.k8s.io"
_CERTS, _LEASES, _STORAGE = "certificates.k8s.io", "coordination.k8s.io", "storage.k8s.io"
_NET, _SLICES, _DRA = "networking.k8s.io", "discovery.k8s.io", "resource.k8s.io"

USER_FACING = (
    RoleSpec("cluster-admin", (Rule("*", "*", "*"), Url("*", "*"))),
    RoleSpec("admin", aggregates=True),
    RoleSpec("edit", aggregates=True, aggregate_to="admin"),
    RoleSpec("view", aggregates=True, aggregate_to="edit"),
    RoleSpec(
        "system:aggregate-to-admin",
        (
            Rule("create", "localsubjectaccessreviews", _AUTHZ),
            Rule(ALL_VERBS, "roles rolebindings", "rbac.authorization.k8s.io"),
        ),
        aggregate_to="admin",
    ),
    RoleSpec(
        "system:aggregate-to-edit",
        (
            Rule(READ, f"{_CONNECT} secrets services/proxy"),
            Rule("impersonate", "serviceaccounts"),
            Rule(WRITE, f"pods {_CONNECT}"),
            Rule("create", "pods/eviction"),
            Rule(
                WRITE,
                "configmaps events persistentvolumeclaims replicationcontrollers "
                "replicationcontrollers/scale secrets serviceaccounts services services/proxy",
            ),
            Rule("create", "serviceaccounts/token"),
            Rule(WRITE, f"{_WORKLOADS} deployments/rollback", "apps"),
            Rule(WRITE, "horizontalpodautoscalers", "autoscaling"),
            Rule(WRITE, "cronjobs jobs", "batch"),
            Rule(WRITE, "poddisruptionbudgets", "policy"),
            Rule(WRITE, "ingresses networkpolicies", _NET),
            Rule(ALL_VERBS, "leases", _LEASES),
            Rule(WRITE, "resourceclaims resourceclaimtemplates", _DRA),
        ),
        aggregate_to="edit",
    ),
    RoleSpec(
        "system:aggregate-to-view",
        (
            Rule(
                READ,
                "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods "
                "replicationcontrollers replicationcontrollers/scale serviceaccounts services "
                "services/status",
            ),
            Rule(
                READ,
                "bindings events limitranges namespaces/status pods/log pods/status "
                "replicationcontrollers/status resourcequotas resourcequotas/status",
            ),
            Rule(READ, "namespaces"),
            Rule(READ, "endpointslices", _SLICES),
            Rule(READ, f"controllerrevisions {_WORKLOADS} {_WORKLOAD_STATUS}", "apps"),
            Rule(READ, "horizontalpodautoscalers horizontalpodautoscalers/status", "autoscaling"),
            Rule(READ, "cronjobs cronjobs/status jobs jobs/status", "batch"),
            Rule(READ, "poddisruptionbudgets poddisruptionbudgets/status", "policy"),
            Rule(READ, "ingresses ingresses/status networkpolicies", _NET),
            Rule(READ, "resourceclaims resourceclaims/status resourceclaimtemplates", _DRA),
        ),
        aggregate_to="view",
    ),
)

_HEALTH = "/healthz /livez /readyz"
_DISCOVERY = "/api /api/* /apis /apis/* /openapi /openapi/* /version /version/"

BASIC = (
    RoleSpec(
        "system:basic-user",
        (
            Rule("create", "selfsubjectaccessreviews selfsubjectrulesreviews", _AUTHZ),
            Rule("create", "selfsubjectreviews", _AUTHN),
        ),
    ),
    RoleSpec("system:discovery", (Url("get", f"{_DISCOVERY} {_HEALTH}"),)),
    RoleSpec("system:public-info-viewer", (Url("get", f"{_HEALTH} /version /version/"),)),
    RoleSpec(
        "system:monitoring",
        (Url("get", f"{_HEALTH} /healthz/* /livez/* /readyz/* /metrics /metrics/slis"),),
    ),
    RoleSpec(
        "system:service-account-issuer-discovery",
        (Url("get", "/.well-known/openid-configuration /openid/v1/jwks"),),
    ),
    RoleSpec(
        "system:auth-delegator",
        (Rule("create", "tokenreviews", _AUTHN), Rule("create", "subjectaccessreviews", _AUTHZ)),
    ),
    RoleSpec(
        "system:kubelet-api-admin",
        (
            Rule(READ, "nodes"),
            Rule("proxy", "nodes"),
            Rule(
                "*",
                "nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats",
            ),
        ),
    ),
)

_SIGNERS = ("kube-apiserver-client", "kube-apiserver-client-kubelet", "kubelet-serving", "legacy-unknown")

CERTIFICATES = (
    *(
        RoleSpec(
            f"system:certificates.k8s.io:certificatesigningrequests:{kind}",
            (Rule("create", f"certificatesigningrequests/{kind}", _CERTS),),
        )
        for kind in ("nodeclient", "selfnodeclient")
    ),
    *(
        RoleSpec(
            f"system:certificates.k8s.io:{signer}-approver",
            (Rule("approve", "signers", _CERTS, f"kubernetes.io/{signer}"),),
        )
        for signer in _SIGNERS
    ),
)

COMPONENTS = (
    RoleSpec(
        "system:kube-controller-manager",
        (
            EVENTS,
            Rule("create", "leases", _LEASES),
            Rule("get update", "leases", _LEASES, "kube-controller-manager"),
            Rule("create update", "secrets serviceaccounts"),
            Rule("delete", "secrets"),
            Rule("get", "configmaps namespaces secrets serviceaccounts"),
            Rule("create", "tokenreviews", _AUTHN),
            Rule("create", "subjectaccessreviews", _AUTHZ),
            Rule("list watch", "*", "*"),
            Rule("create", "serviceaccounts/token"),
        ),
    ),
    RoleSpec(
        "system:kube-scheduler",
        (
            EVENTS,
            Rule("create", "leases", _LEASES),
            Rule("get update", "leases", _LEASES, "kube-scheduler"),
            Rule(READ, "nodes"),
            Rule("delete get list watch", "pods"),
            Rule("create", "bindings pods/binding"),
            Rule("patch update", "pods/status"),
            Rule(READ, "namespaces replicationcontrollers services"),
            Rule(READ, "replicasets statefulsets", "apps"),
            Rule(READ, "poddisruptionbudgets", "policy"),
            Rule(READ, "persistentvolumeclaims persistentvolumes"),
            Rule("create", "tokenreviews", _AUTHN),
            Rule("create", "subjectaccessreviews", _AUTHZ),
            Rule(READ, "csidrivers csinodes csistoragecapacities volumeattachments", _STORAGE),
            Rule(READ, "deviceclasses resourceclaims resourceslices", _DRA),
            Rule("patch update", "resourceclaims resourceclaims/status", _DRA),
        ),
    ),
    RoleSpec(
        "system:volume-scheduler",
        (
            Rule("get list patch update watch", "persistentvolumes"),
            Rule(READ, "storageclasses", _STORAGE),
            Rule("get list patch update watch", "persistentvolumeclaims"),
        ),
    ),
    RoleSpec("system:node", NODE_RULES),
    RoleSpec(
        "system:node-bootstrapper",
        (Rule("create get list watch", "certificatesigningrequests", _CERTS),),
    ),
    RoleSpec("system:node-problem-detector", (Rule("get", "nodes"), Rule("patch", "nodes/status"), EVENTS)),
    RoleSpec(
        "system:node-proxier",
        (
            Rule("list watch", "endpoints services"),
            Rule(READ, "nodes"),
            EVENTS,
            Rule("list watch", "endpointslices", _SLICES),
            Rule("list watch", "servicecidrs", _NET),
        ),
    ),
    RoleSpec(
        "system:kube-dns",
        (Rule("list watch", "endpoints services"), Rule("list watch", "endpointslices", _SLICES)),
    ),
    RoleSpec("system:kube-aggregator", (Rule(READ, "endpoints services"),)),
    RoleSpec(
        "system:heapster",
        (Rule(READ, "events namespaces nodes pods"), Rule(READ, "deployments", "extensions")),
    ),
    RoleSpec(
        "system:persistent-volume-provisioner",
        (
            Rule("create delete get list watch", "persistentvolumes"),
            Rule("get list update watch", "persistentvolumeclaims"),
            Rule(READ, "storageclasses", _STORAGE),
            Rule("watch", "events"),
            EVENTS,
        ),
    ),
)

CLUSTER_ROLES = (*USER_FACING, *BASIC, *CERTIFICATES, *COMPONENTS)
