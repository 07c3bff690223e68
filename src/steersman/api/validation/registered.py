"""The table of validation rules, one row per kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from steersman.api import cidr, kinds, names
from steersman.api.validation import (
    access,
    core,
    devices,
    extension,
    networking,
    pod,
    service,
    storage,
    workloads,
)
from steersman.api.validation import custom_resource_definition as definitions
from steersman.api.validation.rules import Rules

if TYPE_CHECKING:
    from steersman.api.kinds import Resource

_CLASS = Rules(create=devices.validate_class)
_CLAIM = Rules(create=devices.validate_claim, update=devices.validate_spec_fixed)
_TEMPLATE = Rules(create=devices.validate_template, update=devices.validate_spec_fixed)
_SLICE = Rules(create=devices.validate_slice, update=devices.validate_slice_update)


def _older(kind: str) -> Resource:
    row = kinds.by_kind("resource.k8s.io/v1beta1", kind)
    assert row is not None
    return row


RULES: dict[Resource, Rules] = {
    kinds.PODS: Rules(
        create=pod.validate_pod,
        update=pod.validate_pod_update,
        status=pod.validate_pod_status,
        update_alone=True,
    ),
    kinds.SERVICES: Rules(
        name=names.is_dns1035_label,
        create=service.validate_service,
        update=service.validate_service_update,
    ),
    kinds.NAMESPACES: Rules(name=names.is_dns1123_label, create=core.validate_namespace),
    kinds.NODES: Rules(
        create=core.validate_node, update=core.validate_node_update, status=core.validate_node_status
    ),
    kinds.CONFIG_MAPS: Rules(create=core.validate_config_map, update=core.validate_config_map_update),
    kinds.SECRETS: Rules(create=core.validate_secret, update=core.validate_secret_update),
    kinds.SERVICE_ACCOUNTS: Rules(create=core.validate_service_account),
    kinds.ENDPOINTS: Rules(create=core.validate_endpoints),
    kinds.EVENTS: Rules(create=core.validate_event),
    kinds.EVENTS_V1: Rules(create=core.validate_event),
    kinds.RESOURCE_QUOTAS: Rules(
        create=core.validate_resource_quota, update=core.validate_resource_quota_update
    ),
    kinds.LIMIT_RANGES: Rules(create=core.validate_limit_range),
    kinds.REPLICATION_CONTROLLERS: Rules(
        create=core.validate_replication_controller, status=workloads.validate_workload_status
    ),
    kinds.POD_TEMPLATES: Rules(create=core.validate_pod_template),
    kinds.PERSISTENT_VOLUMES: Rules(create=storage.validate_volume, update=storage.validate_volume_update),
    kinds.PERSISTENT_VOLUME_CLAIMS: Rules(
        create=storage.validate_claim, update=storage.validate_claim_update, update_alone=True
    ),
    kinds.DEPLOYMENTS: Rules(
        create=workloads.validate_deployment,
        update=workloads.validate_selector_update,
        status=workloads.validate_workload_status,
    ),
    kinds.REPLICA_SETS: Rules(
        create=workloads.validate_replica_set,
        update=workloads.validate_selector_update,
        status=workloads.validate_workload_status,
    ),
    kinds.DAEMON_SETS: Rules(create=workloads.validate_daemon_set, update=workloads.validate_selector_update),
    kinds.STATEFUL_SETS: Rules(
        create=workloads.validate_stateful_set,
        update=workloads.validate_stateful_set_update,
        status=workloads.validate_workload_status,
    ),
    kinds.CONTROLLER_REVISIONS: Rules(
        create=workloads.validate_controller_revision, update=workloads.validate_controller_revision_update
    ),
    kinds.JOBS: Rules(create=workloads.validate_job, update=workloads.validate_job_update),
    kinds.CRON_JOBS: Rules(create=workloads.validate_cron_job),
    kinds.POD_DISRUPTION_BUDGETS: Rules(create=workloads.validate_disruption_budget),
    kinds.HORIZONTAL_POD_AUTOSCALERS: Rules(create=workloads.validate_autoscaler),
    kinds.HORIZONTAL_POD_AUTOSCALERS_V1: Rules(create=workloads.validate_autoscaler),
    kinds.ENDPOINT_SLICES: Rules(
        create=networking.validate_endpoint_slice, update=networking.validate_endpoint_slice_update
    ),
    kinds.INGRESSES: Rules(create=networking.validate_ingress),
    kinds.INGRESS_CLASSES: Rules(
        create=networking.validate_ingress_class, update=networking.validate_ingress_class_update
    ),
    kinds.NETWORK_POLICIES: Rules(create=networking.validate_network_policy),
    kinds.IP_ADDRESSES: Rules(
        name=cidr.is_ip, create=networking.validate_ip_address, update=networking.validate_spec_fixed
    ),
    kinds.SERVICE_CIDRS: Rules(
        create=networking.validate_service_cidr, update=networking.validate_spec_fixed
    ),
    kinds.STORAGE_CLASSES: Rules(
        create=storage.validate_storage_class, update=storage.validate_storage_class_update
    ),
    kinds.CSI_DRIVERS: Rules(create=storage.validate_csi_driver),
    kinds.VOLUME_ATTACHMENTS: Rules(
        create=storage.validate_attachment, update=networking.validate_spec_fixed
    ),
    kinds.ROLES: Rules(name=names.is_path_segment, create=access.validate_role),
    kinds.CLUSTER_ROLES: Rules(name=names.is_path_segment, create=access.validate_cluster_role),
    kinds.ROLE_BINDINGS: Rules(
        name=names.is_path_segment,
        create=access.validate_role_binding,
        update=access.validate_binding_update,
    ),
    kinds.CLUSTER_ROLE_BINDINGS: Rules(
        name=names.is_path_segment,
        create=access.validate_cluster_role_binding,
        update=access.validate_binding_update,
    ),
    kinds.LEASES: Rules(create=access.validate_lease),
    kinds.PRIORITY_CLASSES: Rules(
        create=access.validate_priority_class, update=access.validate_priority_class_update
    ),
    kinds.RUNTIME_CLASSES: Rules(
        create=access.validate_runtime_class, update=access.validate_runtime_class_update
    ),
    kinds.CERTIFICATE_SIGNING_REQUESTS: Rules(
        name=names.is_path_segment,
        create=access.validate_signing_request,
        status=access.validate_signing_request_status,
    ),
    kinds.CUSTOM_RESOURCE_DEFINITIONS: Rules(
        create=definitions.validate_definition,
        update=definitions.validate_definition_update,
        status=definitions.validate_definition_status,
    ),
    kinds.VALIDATING_WEBHOOK_CONFIGURATIONS: Rules(create=extension.validate_webhooks),
    kinds.MUTATING_WEBHOOK_CONFIGURATIONS: Rules(create=extension.validate_webhooks),
    kinds.VALIDATING_ADMISSION_POLICIES: Rules(create=extension.validate_admission_policy),
    kinds.MUTATING_ADMISSION_POLICIES: Rules(create=extension.validate_admission_policy),
    kinds.VALIDATING_ADMISSION_POLICY_BINDINGS: Rules(create=extension.validate_validating_binding),
    kinds.MUTATING_ADMISSION_POLICY_BINDINGS: Rules(create=extension.validate_policy_binding),
    kinds.API_SERVICES: Rules(name=names.is_path_segment, create=extension.validate_api_service),
    kinds.FLOW_SCHEMAS: Rules(create=extension.validate_flow_schema),
    kinds.PRIORITY_LEVEL_CONFIGURATIONS: Rules(create=extension.validate_priority_level),
    kinds.DEVICE_CLASSES: _CLASS,
    kinds.RESOURCE_CLAIMS: _CLAIM,
    kinds.RESOURCE_CLAIM_TEMPLATES: _TEMPLATE,
    kinds.RESOURCE_SLICES: _SLICE,
    _older("ResourceClaim"): replace(_CLAIM, create=devices.claim_v1beta1),
    _older("ResourceClaimTemplate"): replace(_TEMPLATE, create=devices.template_v1beta1),
    _older("ResourceSlice"): replace(_SLICE, create=devices.slice_v1beta1),
}
"""Kinds with rules of their own; every other kind only has its metadata checked."""

RULES.update(kinds.for_previews(RULES))
