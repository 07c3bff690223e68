"""The admission plug-ins in the order they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from steersman.apiserver.admission.default_ingress_class import DefaultIngressClass
from steersman.apiserver.admission.default_storage_class import DefaultStorageClass
from steersman.apiserver.admission.default_toleration_seconds import DefaultTolerationSeconds
from steersman.apiserver.admission.limit_ranger import LimitRanger
from steersman.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from steersman.apiserver.admission.node_restriction.plugin import NodeRestriction
from steersman.apiserver.admission.owner_references_permission_enforcement import (
    OwnerReferencesPermissionEnforcement,
)
from steersman.apiserver.admission.persistent_volume_claim_resize import PersistentVolumeClaimResize
from steersman.apiserver.admission.pod_security.plugin import PodSecurity
from steersman.apiserver.admission.policies.plugin import (
    MutatingAdmissionPolicy,
    ValidatingAdmissionPolicy,
)
from steersman.apiserver.admission.priority import Priority
from steersman.apiserver.admission.resource_quota import ResourceQuota
from steersman.apiserver.admission.runtime_class import RuntimeClass
from steersman.apiserver.admission.serviceaccount import ServiceAccount
from steersman.apiserver.admission.signers import (
    CertificateApproval,
    CertificateSigning,
    CertificateSubjectRestriction,
    ClusterTrustBundleAttest,
)
from steersman.apiserver.admission.storage_object_in_use_protection import StorageObjectInUseProtection
from steersman.apiserver.admission.taint_nodes_by_condition import TaintNodesByCondition
from steersman.apiserver.admission.webhooks.plugin import (
    MutatingAdmissionWebhook,
    ValidatingAdmissionWebhook,
)
from steersman.apiserver.authz.rbac.escalation import RBACEscalation

if TYPE_CHECKING:
    from steersman.apiserver.admission import Plugin
    from steersman.apiserver.api import API


class Maker(Protocol):
    """A plug-in's class."""

    name: str

    def __call__(self, api: API) -> Plugin: ...


ADMISSION: tuple[Maker, ...] = (
    NamespaceLifecycle,  # first: the others look for things in the namespace
    LimitRanger,
    ServiceAccount,
    NodeRestriction,
    TaintNodesByCondition,
    PodSecurity,
    Priority,
    DefaultTolerationSeconds,
    StorageObjectInUseProtection,
    PersistentVolumeClaimResize,
    RuntimeClass,
    CertificateApproval,
    CertificateSigning,
    ClusterTrustBundleAttest,
    CertificateSubjectRestriction,
    DefaultIngressClass,
    DefaultStorageClass,
    RBACEscalation,
    OwnerReferencesPermissionEnforcement,
    MutatingAdmissionPolicy,
    MutatingAdmissionWebhook,  # sees what all others have made of the object
    ValidatingAdmissionPolicy,
    ValidatingAdmissionWebhook,
    ResourceQuota,  # last: it is charged for what all others let pass
)
ON_DEMAND = ("OwnerReferencesPermissionEnforcement",)
"""Run only when the configuration enables them, as upstream."""
