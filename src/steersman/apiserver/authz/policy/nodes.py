"""The rules of the role system:node: what a kubelet does at all. Which objects, the Node authorizer says."""

from __future__ import annotations

from steersman.apiserver.authz.policy.manifests import READ, Rule

_AUTHN, _AUTHZ, _CERTS = "authentication.k8s.io", "authorization.k8s.io", "certificates.k8s.io"
_LEASES, _STORAGE, _DRA = "coordination.k8s.io", "storage.k8s.io", "resource.k8s.io"

NODE_RULES = (
    Rule("create", "tokenreviews", _AUTHN),
    Rule("create", "localsubjectaccessreviews subjectaccessreviews", _AUTHZ),
    Rule(READ, "services"),
    Rule("create get list watch", "nodes"),
    Rule("patch update", "nodes nodes/status"),
    Rule("create patch update", "events"),
    Rule("create delete get list watch", "pods"),
    Rule("patch update", "pods/status"),
    Rule("create", "pods/eviction"),
    Rule(READ, "configmaps secrets"),
    Rule("get", "endpoints persistentvolumeclaims persistentvolumes"),
    Rule("create get list watch", "certificatesigningrequests", _CERTS),
    Rule(READ, "clustertrustbundles", _CERTS),
    Rule("create get list watch", "podcertificaterequests", _CERTS),
    Rule("create delete get patch update", "leases", _LEASES),
    Rule("get", "volumeattachments", _STORAGE),
    Rule("create", "serviceaccounts/token"),
    Rule("get patch update", "persistentvolumeclaims/status"),
    Rule(READ, "csidrivers", _STORAGE),
    Rule("create delete get patch update", "csinodes", _STORAGE),
    Rule(READ, "runtimeclasses", "node.k8s.io"),
    Rule("get", "resourceclaims", _DRA),
    Rule("create delete deletecollection get list patch update watch", "resourceslices", _DRA),
)
