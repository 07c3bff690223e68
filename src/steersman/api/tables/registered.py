"""The table of tables: kinds with columns of their own, and how they are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds
from steersman.api.tables import cluster, extension, pods, services, storage, workloads

if TYPE_CHECKING:
    from steersman.api.kinds import Resource
    from steersman.api.tables.columns import Table

TABLES: dict[Resource, Table] = {
    kinds.PODS: pods.PODS,
    kinds.DEPLOYMENTS: workloads.DEPLOYMENTS,
    kinds.REPLICA_SETS: workloads.REPLICA_SETS,
    kinds.REPLICATION_CONTROLLERS: workloads.REPLICATION_CONTROLLERS,
    kinds.STATEFUL_SETS: workloads.STATEFUL_SETS,
    kinds.DAEMON_SETS: workloads.DAEMON_SETS,
    kinds.CONTROLLER_REVISIONS: workloads.CONTROLLER_REVISIONS,
    kinds.JOBS: workloads.JOBS,
    kinds.CRON_JOBS: workloads.CRON_JOBS,
    kinds.POD_TEMPLATES: workloads.POD_TEMPLATES,
    kinds.POD_DISRUPTION_BUDGETS: workloads.POD_DISRUPTION_BUDGETS,
    kinds.HORIZONTAL_POD_AUTOSCALERS: workloads.HORIZONTAL_POD_AUTOSCALERS,
    kinds.HORIZONTAL_POD_AUTOSCALERS_V1: workloads.HORIZONTAL_POD_AUTOSCALERS,
    kinds.SERVICES: services.SERVICES,
    kinds.ENDPOINTS: services.ENDPOINTS,
    kinds.ENDPOINT_SLICES: services.ENDPOINT_SLICES,
    kinds.INGRESSES: services.INGRESSES,
    kinds.INGRESS_CLASSES: services.INGRESS_CLASSES,
    kinds.NETWORK_POLICIES: services.NETWORK_POLICIES,
    kinds.IP_ADDRESSES: services.IP_ADDRESSES,
    kinds.SERVICE_CIDRS: services.SERVICE_CIDRS,
    kinds.NODES: cluster.NODES,
    kinds.NAMESPACES: cluster.NAMESPACES,
    kinds.CONFIG_MAPS: cluster.CONFIG_MAPS,
    kinds.SECRETS: cluster.SECRETS,
    kinds.SERVICE_ACCOUNTS: cluster.SERVICE_ACCOUNTS,
    kinds.EVENTS: cluster.EVENTS,
    kinds.EVENTS_V1: cluster.EVENTS,
    kinds.LEASES: cluster.LEASES,
    kinds.ROLE_BINDINGS: cluster.BINDINGS,
    kinds.CLUSTER_ROLE_BINDINGS: cluster.BINDINGS,
    kinds.PRIORITY_CLASSES: cluster.PRIORITY_CLASSES,
    kinds.RUNTIME_CLASSES: cluster.RUNTIME_CLASSES,
    kinds.RESOURCE_QUOTAS: cluster.RESOURCE_QUOTAS,
    kinds.CERTIFICATE_SIGNING_REQUESTS: cluster.CERTIFICATE_SIGNING_REQUESTS,
    kinds.COMPONENT_STATUSES: cluster.COMPONENT_STATUSES,
    kinds.STORAGE_CLASSES: cluster.STORAGE_CLASSES,
    kinds.DEVICE_CLASSES: cluster.NAMED,
    kinds.RESOURCE_CLAIM_TEMPLATES: cluster.NAMED,
    kinds.PERSISTENT_VOLUMES: storage.PERSISTENT_VOLUMES,
    kinds.PERSISTENT_VOLUME_CLAIMS: storage.PERSISTENT_VOLUME_CLAIMS,
    kinds.VOLUME_ATTACHMENTS: storage.VOLUME_ATTACHMENTS,
    kinds.CSI_DRIVERS: storage.CSI_DRIVERS,
    kinds.CSI_NODES: storage.CSI_NODES,
    kinds.CSI_STORAGE_CAPACITIES: storage.CSI_STORAGE_CAPACITIES,
    kinds.VOLUME_ATTRIBUTES_CLASSES: storage.VOLUME_ATTRIBUTES_CLASSES,
    kinds.MUTATING_WEBHOOK_CONFIGURATIONS: extension.WEBHOOKS,
    kinds.VALIDATING_WEBHOOK_CONFIGURATIONS: extension.WEBHOOKS,
    kinds.VALIDATING_ADMISSION_POLICIES: extension.VALIDATING_POLICIES,
    kinds.MUTATING_ADMISSION_POLICIES: extension.MUTATING_POLICIES,
    kinds.VALIDATING_ADMISSION_POLICY_BINDINGS: extension.POLICY_BINDINGS,
    kinds.MUTATING_ADMISSION_POLICY_BINDINGS: extension.POLICY_BINDINGS,
    kinds.API_SERVICES: extension.API_SERVICES,
    kinds.FLOW_SCHEMAS: extension.FLOW_SCHEMAS,
    kinds.PRIORITY_LEVEL_CONFIGURATIONS: extension.PRIORITY_LEVELS,
    kinds.CLUSTER_TRUST_BUNDLES: extension.CLUSTER_TRUST_BUNDLES,
    kinds.POD_CERTIFICATE_REQUESTS: extension.POD_CERTIFICATE_REQUESTS,
    kinds.RESOURCE_CLAIMS: extension.RESOURCE_CLAIMS,
    kinds.RESOURCE_SLICES: extension.RESOURCE_SLICES,
    kinds.DEVICE_TAINT_RULES: extension.DEVICE_TAINT_RULES,
    kinds.STORAGE_VERSION_MIGRATIONS: extension.MIGRATIONS,
}

OTHERS: Table = cluster.CREATED
"""The table of kinds without a row: name and time of creation."""
