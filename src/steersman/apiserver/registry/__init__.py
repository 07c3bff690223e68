"""The registry's knowledge of kinds: one strategy per resource.

`STRATEGIES` names the kinds that have anything special, each in `registry/<group>/<kind>.py`; every other
resource, custom ones included, gets the plain `Strategy`.  `strategy_for` is what the generic registry asks.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from steersman.api import kinds
from steersman.apiserver.registry.admissionregistration.expressions import (
    PolicyStrategy,
    WebhookConfigurationStrategy,
)
from steersman.apiserver.registry.apiextensions.custom_resource_definition import (
    CustomResourceDefinitionStrategy,
)
from steersman.apiserver.registry.apiregistration.api_service import APIServiceStrategy
from steersman.apiserver.registry.apps.workload import (
    DaemonSetStrategy,
    DeploymentStrategy,
    ReplicaSetStrategy,
    ReplicationControllerStrategy,
    WorkloadStrategy,
)
from steersman.apiserver.registry.batch.job import JobStrategy
from steersman.apiserver.registry.certificates.signing_request import SigningRequestStrategy
from steersman.apiserver.registry.core.event import EventStrategy, EventV1Strategy
from steersman.apiserver.registry.core.namespace import NamespaceStrategy
from steersman.apiserver.registry.core.node import NodeStrategy
from steersman.apiserver.registry.core.persistent_volume import (
    PersistentVolumeClaimStrategy,
    PersistentVolumeStrategy,
)
from steersman.apiserver.registry.core.pod import PodStrategy
from steersman.apiserver.registry.core.secret import SecretStrategy
from steersman.apiserver.registry.core.service import ServiceStrategy
from steersman.apiserver.registry.core.service_account import ServiceAccountStrategy
from steersman.apiserver.registry.strategy import AllocationError, Allocators, Context, Strategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.kinds import Resource

__all__ = ["STRATEGIES", "AllocationError", "Allocators", "Context", "Strategy", "strategy_for"]

_COUNTED = partial(Strategy, counts_generation=True)
_CREATED_BY_PUT = partial(Strategy, allow_create_on_update=True)
_PINNED = partial(Strategy, counts_generation=True, allow_unconditional_update=False)

STRATEGIES: dict[Resource, Callable[[Resource], Strategy]] = {
    kinds.PODS: PodStrategy,
    kinds.SERVICES: ServiceStrategy,
    kinds.NAMESPACES: NamespaceStrategy,
    kinds.NODES: NodeStrategy,
    kinds.SECRETS: SecretStrategy,
    kinds.SERVICE_ACCOUNTS: ServiceAccountStrategy,
    kinds.EVENTS: EventStrategy,
    kinds.EVENTS_V1: EventV1Strategy,
    kinds.PERSISTENT_VOLUMES: PersistentVolumeStrategy,
    kinds.PERSISTENT_VOLUME_CLAIMS: PersistentVolumeClaimStrategy,
    kinds.REPLICATION_CONTROLLERS: ReplicationControllerStrategy,
    kinds.ENDPOINTS: _CREATED_BY_PUT,
    kinds.LIMIT_RANGES: _CREATED_BY_PUT,
    kinds.POD_TEMPLATES: partial(Strategy, counts_generation=True, allow_create_on_update=True),
    kinds.DEPLOYMENTS: DeploymentStrategy,
    kinds.REPLICA_SETS: ReplicaSetStrategy,
    kinds.STATEFUL_SETS: WorkloadStrategy,
    kinds.DAEMON_SETS: DaemonSetStrategy,
    kinds.JOBS: JobStrategy,
    kinds.CRON_JOBS: _COUNTED,
    kinds.POD_DISRUPTION_BUDGETS: _PINNED,
    kinds.ENDPOINT_SLICES: _COUNTED,
    kinds.INGRESSES: _COUNTED,
    kinds.INGRESS_CLASSES: _COUNTED,
    kinds.NETWORK_POLICIES: _COUNTED,
    kinds.LEASES: partial(Strategy, allow_create_on_update=True, allow_unconditional_update=False),
    kinds.ROLES: _CREATED_BY_PUT,
    kinds.CLUSTER_ROLES: _CREATED_BY_PUT,
    kinds.ROLE_BINDINGS: _CREATED_BY_PUT,
    kinds.CLUSTER_ROLE_BINDINGS: _CREATED_BY_PUT,
    kinds.PRIORITY_CLASSES: _COUNTED,
    kinds.CSI_DRIVERS: _PINNED,
    kinds.CERTIFICATE_SIGNING_REQUESTS: SigningRequestStrategy,
    kinds.VALIDATING_WEBHOOK_CONFIGURATIONS: WebhookConfigurationStrategy,
    kinds.MUTATING_WEBHOOK_CONFIGURATIONS: WebhookConfigurationStrategy,
    kinds.VALIDATING_ADMISSION_POLICIES: PolicyStrategy,
    kinds.VALIDATING_ADMISSION_POLICY_BINDINGS: _PINNED,
    kinds.MUTATING_ADMISSION_POLICIES: PolicyStrategy,
    kinds.MUTATING_ADMISSION_POLICY_BINDINGS: _PINNED,
    kinds.CUSTOM_RESOURCE_DEFINITIONS: CustomResourceDefinitionStrategy,
    kinds.API_SERVICES: APIServiceStrategy,
    kinds.FLOW_SCHEMAS: _PINNED,
    kinds.PRIORITY_LEVEL_CONFIGURATIONS: _PINNED,
    kinds.DEVICE_CLASSES: _COUNTED,
    kinds.RESOURCE_SLICES: _COUNTED,
}
"""Resource to what makes its strategy."""

_MADE: dict[Resource, Strategy] = {}


def strategy_for(resource: Resource) -> Strategy:
    """Return the strategy of a resource; one instance for a built-in kind, a new one for a custom."""
    if resource.custom:
        return _PINNED(resource)
    made = _MADE.get(resource)
    if made is None:
        like = resource if resource.level == "ga" else kinds.versions_of(resource)[0]
        made = _MADE[resource] = STRATEGIES.get(like, Strategy)(resource)
    return made
