"""What Steersman's own processes need on top of the default policy.

One process runs the kubelet, the service proxy, the overlay and the DNS server of a node under the node's
identity, and one process runs every controller under one identity, so those two need the union of what
upstream's separate processes have. What the kubelet itself needs, the Node authorizer allows it.
"""

from __future__ import annotations

from steersman.api.bootstrap_token import JOIN_GROUP
from steersman.apiserver.authz.policy.manifests import READ, BindingSpec, RoleSpec, Rule

CLUSTER_ROLES = (
    RoleSpec(
        "steersman:node-agent",
        (
            Rule(READ, "services endpoints nodes namespaces"),
            Rule(READ, "endpointslices", "discovery.k8s.io"),
            Rule(READ, "networkpolicies servicecidrs", "networking.k8s.io"),
            Rule("create patch update", "events", "events.k8s.io"),
        ),
    ),
    RoleSpec(
        "steersman:controller-manager",
        (
            Rule("get patch update", "*/status", "*"),
            Rule("get patch update", "leases", "coordination.k8s.io"),
        ),
    ),
)

_CSR = "system:certificates.k8s.io:certificatesigningrequests"
BINDINGS = (
    BindingSpec("steersman:node-bootstrap", (f"group:{JOIN_GROUP}",), role="system:node-bootstrapper"),
    BindingSpec("steersman:node-certificate", (f"group:{JOIN_GROUP}",), role=f"{_CSR}:nodeclient"),
    BindingSpec("steersman:node-certificate-renewal", ("group:system:nodes",), role=f"{_CSR}:selfnodeclient"),
    BindingSpec("steersman:node-agent", ("group:system:nodes",)),
    BindingSpec("steersman:controller-manager", ("user:system:kube-controller-manager",)),
)
