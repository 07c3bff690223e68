"""The controllers of a cluster: `run` runs those that are switched on. One file (or directory) for each.

To add one: a `Controller` in its own file, a line in `CONTROLLERS`, a test, a line in README.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.controllers.bootstrap_tokens.cleaner import TokenCleanerController
from steersman.controllers.bootstrap_tokens.signer import BootstrapSignerController
from steersman.controllers.certificates.approver import CSRApprovingController
from steersman.controllers.certificates.cleaner import CSRCleanerController
from steersman.controllers.certificates.signer import CSRSigningController
from steersman.controllers.config import ControllerManagerConfig
from steersman.controllers.cronjob import CronJobController
from steersman.controllers.daemonset import DaemonSetController
from steersman.controllers.deployment import DeploymentController
from steersman.controllers.disruption import DisruptionController
from steersman.controllers.endpoints import EndpointsController
from steersman.controllers.endpointslice import EndpointSliceController
from steersman.controllers.endpointslice_mirroring import EndpointSliceMirroringController
from steersman.controllers.garbagecollector import GarbageCollector
from steersman.controllers.job import JobController
from steersman.controllers.namespace import NamespaceController
from steersman.controllers.node_ipam import NodeIPAMController
from steersman.controllers.node_lifecycle import NodeLifecycleController
from steersman.controllers.pod_gc import PodGCController
from steersman.controllers.protection import PVCProtectionController, PVProtectionController
from steersman.controllers.replicaset import ReplicaSetController
from steersman.controllers.replicationcontroller import ReplicationControllerController
from steersman.controllers.resourcequota import ResourceQuotaController
from steersman.controllers.root_ca import RootCAController
from steersman.controllers.run import run_all
from steersman.controllers.runtime import Context, Controller
from steersman.controllers.serviceaccount import ServiceAccountController
from steersman.controllers.serviceaccount_token import ServiceAccountTokenController
from steersman.controllers.statefulset import StatefulSetController
from steersman.controllers.taint_eviction import TaintEvictionController
from steersman.controllers.ttl_after_finished import TTLAfterFinishedController

if TYPE_CHECKING:
    from steersman.client import Client, EventRecorder, Informers
    from steersman.runtime.clock import Clock

__all__ = ["CONTROLLERS", "Context", "Controller", "ControllerManagerConfig", "run"]

CONTROLLERS: tuple[type[Controller], ...] = (
    DeploymentController,
    ReplicaSetController,
    ReplicationControllerController,
    StatefulSetController,
    DaemonSetController,
    JobController,
    CronJobController,
    EndpointsController,
    EndpointSliceController,
    EndpointSliceMirroringController,
    DisruptionController,
    PVCProtectionController,
    PVProtectionController,
    NamespaceController,
    ServiceAccountController,
    ServiceAccountTokenController,
    RootCAController,
    NodeIPAMController,
    NodeLifecycleController,
    TaintEvictionController,
    PodGCController,
    TTLAfterFinishedController,
    ResourceQuotaController,
    CSRApprovingController,
    CSRSigningController,
    CSRCleanerController,
    BootstrapSignerController,
    TokenCleanerController,
    # Last, so that it shares the full informers the others have asked for.
    GarbageCollector,
)


async def run(
    config: ControllerManagerConfig,
    client: Client,
    informers: Informers,
    recorder: EventRecorder,
    clock: Clock,
) -> None:
    """Run the controllers until cancelled; the caller runs `informers` and `recorder`."""
    await run_all(CONTROLLERS, config, client, informers, recorder, clock)
