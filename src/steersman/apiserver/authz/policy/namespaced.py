"""Default Roles and RoleBindings in kube-system and kube-public."""

from __future__ import annotations

from steersman.apiserver.authz.policy.manifests import EVENTS, READ, BindingSpec, RoleSpec, Rule

_LEASES = "coordination.k8s.io"
_LOCKING = (Rule("create get list update watch", "leases leasecandidates", _LEASES),)

ROLES = (
    (
        "kube-system",
        RoleSpec(
            "extension-apiserver-authentication-reader",
            (Rule(READ, "configmaps", names="extension-apiserver-authentication"),),
        ),
    ),
    ("kube-system", RoleSpec("system::leader-locking-kube-controller-manager", _LOCKING)),
    ("kube-system", RoleSpec("system::leader-locking-kube-scheduler", _LOCKING)),
    ("kube-system", RoleSpec("system:controller:bootstrap-signer", (Rule(READ, "secrets"),))),
    (
        "kube-system",
        RoleSpec("system:controller:cloud-provider", (Rule("create get list watch", "configmaps"),)),
    ),
    (
        "kube-system",
        RoleSpec("system:controller:token-cleaner", (Rule("delete get list watch", "secrets"), EVENTS)),
    ),
    (
        "kube-public",
        RoleSpec(
            "system:controller:bootstrap-signer",
            (Rule(READ, "configmaps"), Rule("update", "configmaps", names="cluster-info"), EVENTS),
        ),
    ),
)

_MANAGER, _SCHEDULER = "user:system:kube-controller-manager", "user:system:kube-scheduler"

ROLE_BINDINGS = (
    (
        "kube-system",
        BindingSpec(
            "system::extension-apiserver-authentication-reader",
            (_MANAGER, _SCHEDULER),
            role="extension-apiserver-authentication-reader",
        ),
    ),
    (
        "kube-system",
        BindingSpec(
            "system::leader-locking-kube-controller-manager",
            (_MANAGER, "sa:kube-system/kube-controller-manager"),
        ),
    ),
    (
        "kube-system",
        BindingSpec(
            "system::leader-locking-kube-scheduler",
            (_SCHEDULER, "sa:kube-system/kube-scheduler"),
        ),
    ),
    (
        "kube-system",
        BindingSpec("system:controller:bootstrap-signer", ("sa:kube-system/bootstrap-signer", _MANAGER)),
    ),
    ("kube-system", BindingSpec("system:controller:cloud-provider", ("sa:kube-system/cloud-provider",))),
    (
        "kube-system",
        BindingSpec("system:controller:token-cleaner", ("sa:kube-system/token-cleaner", _MANAGER)),
    ),
    (
        "kube-public",
        BindingSpec("system:controller:bootstrap-signer", ("sa:kube-system/bootstrap-signer", _MANAGER)),
    ),
)
