"""Defaulting: what an object means when a field is left out, made explicit before it is stored.

`default` changes the object in place and is idempotent.  It trusts nothing: an object of a wrong shape must
have been refused by the structural check before (see `schema`).  Quantities are brought into their one stored
spelling here as well, because decoding does that upstream.

One module per family of groups; `DEFAULTS` is the table.  Custom resources have
theirs in their schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds
from steersman.api.defaults import cluster, core, workloads

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.kinds import Resource
    from steersman.api.types import Object

DEFAULTS: dict[Resource, Callable[[Object], None]] = {
    kinds.PODS: core.default_pod,
    kinds.SERVICES: core.default_service,
    kinds.ENDPOINTS: core.default_endpoints,
    kinds.SECRETS: core.default_secret,
    kinds.NAMESPACES: core.default_namespace,
    kinds.NODES: core.default_node,
    kinds.PERSISTENT_VOLUMES: core.default_persistent_volume,
    kinds.PERSISTENT_VOLUME_CLAIMS: core.default_persistent_volume_claim,
    kinds.POD_TEMPLATES: core.default_pod_template,
    kinds.REPLICATION_CONTROLLERS: core.default_replication_controller,
    kinds.LIMIT_RANGES: core.default_limit_range,
    kinds.RESOURCE_QUOTAS: core.default_resource_quota,
    kinds.DEPLOYMENTS: workloads.default_deployment,
    kinds.REPLICA_SETS: workloads.default_replica_set,
    kinds.DAEMON_SETS: workloads.default_daemon_set,
    kinds.STATEFUL_SETS: workloads.default_stateful_set,
    kinds.JOBS: workloads.default_job,
    kinds.CRON_JOBS: workloads.default_cron_job,
    kinds.ENDPOINT_SLICES: cluster.default_endpoint_slice,
    kinds.NETWORK_POLICIES: cluster.default_network_policy,
    kinds.INGRESSES: cluster.default_ingress,
    kinds.INGRESS_CLASSES: cluster.default_ingress_class,
    kinds.STORAGE_CLASSES: cluster.default_storage_class,
    kinds.CSI_DRIVERS: cluster.default_csi_driver,
    kinds.POD_DISRUPTION_BUDGETS: cluster.default_pod_disruption_budget,
    kinds.HORIZONTAL_POD_AUTOSCALERS: cluster.default_autoscaler,
    kinds.HORIZONTAL_POD_AUTOSCALERS_V1: cluster.default_autoscaler_v1,
    kinds.ROLE_BINDINGS: cluster.default_role_binding,
    kinds.CLUSTER_ROLE_BINDINGS: cluster.default_role_binding,
    kinds.PRIORITY_CLASSES: cluster.default_priority_class,
    kinds.VALIDATING_WEBHOOK_CONFIGURATIONS: cluster.default_validating_webhooks,
    kinds.MUTATING_WEBHOOK_CONFIGURATIONS: cluster.default_mutating_webhooks,
    kinds.VALIDATING_ADMISSION_POLICIES: cluster.default_admission_policy,
    kinds.MUTATING_ADMISSION_POLICIES: cluster.default_admission_policy,
    kinds.VALIDATING_ADMISSION_POLICY_BINDINGS: cluster.default_admission_policy_binding,
    kinds.MUTATING_ADMISSION_POLICY_BINDINGS: cluster.default_admission_policy_binding,
    kinds.CUSTOM_RESOURCE_DEFINITIONS: cluster.default_custom_resource_definition,
    kinds.API_SERVICES: cluster.default_api_service,
    kinds.FLOW_SCHEMAS: cluster.default_flow_schema,
    kinds.PRIORITY_LEVEL_CONFIGURATIONS: cluster.default_priority_level,
    kinds.RESOURCE_CLAIMS: cluster.default_resource_claim,
    kinds.RESOURCE_CLAIM_TEMPLATES: cluster.default_resource_claim_template,
}
"""Kinds with defaults; kinds without a row have none."""


_NO_STATUS: Object = {}

EMPTY_STATUS: dict[Resource, Object] = {
    kinds.API_SERVICES: _NO_STATUS,
    kinds.CERTIFICATE_SIGNING_REQUESTS: _NO_STATUS,
    kinds.CRON_JOBS: _NO_STATUS,
    kinds.CUSTOM_RESOURCE_DEFINITIONS: _NO_STATUS,
    kinds.DAEMON_SETS: dict.fromkeys(
        ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"), 0
    ),
    kinds.DEPLOYMENTS: _NO_STATUS,
    kinds.FLOW_SCHEMAS: _NO_STATUS,
    kinds.HORIZONTAL_POD_AUTOSCALERS: {"desiredReplicas": 0},
    kinds.HORIZONTAL_POD_AUTOSCALERS_V1: {"currentReplicas": 0, "desiredReplicas": 0},
    kinds.INGRESSES: {"loadBalancer": {}},
    kinds.JOBS: _NO_STATUS,
    kinds.NAMESPACES: _NO_STATUS,
    kinds.NODES: _NO_STATUS,
    kinds.PERSISTENT_VOLUMES: _NO_STATUS,
    kinds.PERSISTENT_VOLUME_CLAIMS: _NO_STATUS,
    kinds.PODS: _NO_STATUS,
    kinds.POD_DISRUPTION_BUDGETS: dict.fromkeys(
        ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"), 0
    ),
    kinds.PRIORITY_LEVEL_CONFIGURATIONS: _NO_STATUS,
    kinds.REPLICATION_CONTROLLERS: {"replicas": 0},
    kinds.REPLICA_SETS: {"replicas": 0},
    kinds.RESOURCE_CLAIMS: _NO_STATUS,
    kinds.RESOURCE_QUOTAS: _NO_STATUS,
    kinds.SERVICES: {"loadBalancer": {}},
    kinds.STATEFUL_SETS: {"replicas": 0, "availableReplicas": 0},
    kinds.VOLUME_ATTACHMENTS: {"attached": False},
}
"""The status of a fresh object, for kinds that always show one; copy before use."""

DEFAULTS.update(kinds.for_previews(DEFAULTS))
EMPTY_STATUS.update(kinds.for_previews(EMPTY_STATUS))


def default(resource: Resource, obj: Object) -> None:
    """Complete `obj` in place."""
    if obj.get("status") is None:
        reset_status(resource, obj)
    complete = DEFAULTS.get(resource)
    if complete is not None:
        complete(obj)


def reset_status(resource: Resource, obj: Object) -> None:
    """Give `obj` the status of a fresh object, which for many kinds is none at all."""
    status = EMPTY_STATUS.get(resource)
    if status is None:
        obj.pop("status", None)
    else:
        obj["status"] = {name: value if value == 0 else {} for name, value in status.items()}
