"""Defaults of the groups apps and batch.

Source: documented API defaults of k8s apps/v1 and batch/v1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.defaults.core import default_persistent_volume_claim
from steersman.api.defaults.podspec import default_template, part, put, put_zero

if TYPE_CHECKING:
    from steersman.api.types import Object

REVISION_HISTORY_LIMIT = 10
PROGRESS_DEADLINE_SECONDS = 600
BACKOFF_LIMIT = 6
BACKOFF_UNLIMITED = 2**31 - 1
"""The backoffLimit of a Job that counts its failures per index."""


def default_deployment(deployment: Object) -> None:
    spec = part(deployment, "spec")
    put(spec, "replicas", 1)
    put(spec, "revisionHistoryLimit", REVISION_HISTORY_LIMIT)
    put(spec, "progressDeadlineSeconds", PROGRESS_DEADLINE_SECONDS)
    put(spec, "strategy", {})
    strategy = spec["strategy"]
    put_zero(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        put(strategy, "rollingUpdate", {})
        put(strategy["rollingUpdate"], "maxUnavailable", "25%")
        put(strategy["rollingUpdate"], "maxSurge", "25%")
    default_template(part(spec, "template"))


def default_replica_set(replica_set: Object) -> None:
    spec = part(replica_set, "spec")
    put(spec, "replicas", 1)
    default_template(part(spec, "template"))


def default_daemon_set(daemon_set: Object) -> None:
    spec = part(daemon_set, "spec")
    put(spec, "revisionHistoryLimit", REVISION_HISTORY_LIMIT)
    put(spec, "updateStrategy", {})
    strategy = spec["updateStrategy"]
    put_zero(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        put(strategy, "rollingUpdate", {})
        put(strategy["rollingUpdate"], "maxUnavailable", 1)
        put(strategy["rollingUpdate"], "maxSurge", 0)
    default_template(part(spec, "template"))


def default_stateful_set(stateful_set: Object) -> None:
    spec = part(stateful_set, "spec")
    put(spec, "replicas", 1)
    put(spec, "serviceName", "")
    put(spec, "revisionHistoryLimit", REVISION_HISTORY_LIMIT)
    put_zero(spec, "podManagementPolicy", "OrderedReady")
    put(spec, "updateStrategy", {})
    strategy = spec["updateStrategy"]
    put_zero(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        put(strategy, "rollingUpdate", {})
        put(strategy["rollingUpdate"], "partition", 0)
    put(spec, "persistentVolumeClaimRetentionPolicy", {})
    put_zero(spec["persistentVolumeClaimRetentionPolicy"], "whenDeleted", "Retain")
    put_zero(spec["persistentVolumeClaimRetentionPolicy"], "whenScaled", "Retain")
    for claim in spec.get("volumeClaimTemplates") or ():
        put_zero(claim, "apiVersion", "v1")
        put_zero(claim, "kind", "PersistentVolumeClaim")
        put(claim, "status", {})
        default_persistent_volume_claim(claim)
    default_template(part(spec, "template"))


def default_job(job: Object) -> None:
    spec = part(job, "spec")
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    put(spec, "parallelism", 1)
    per_index = spec.get("backoffLimitPerIndex") is not None
    put(spec, "backoffLimit", BACKOFF_UNLIMITED if per_index else BACKOFF_LIMIT)
    put(spec, "completionMode", "NonIndexed")
    put(spec, "suspend", False)
    policy = spec.get("podFailurePolicy")
    put(spec, "podReplacementPolicy", "TerminatingOrFailed" if policy is None else "Failed")
    for rule in (policy or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            put_zero(pattern, "status", "True")
    template = part(spec, "template")
    default_template(template)
    labels = template["metadata"].get("labels")
    if labels:
        put(job, "metadata", {})
        put_zero(job["metadata"], "labels", dict(labels))


def default_cron_job(cron_job: Object) -> None:
    spec = part(cron_job, "spec")
    put_zero(spec, "concurrencyPolicy", "Allow")
    put(spec, "suspend", False)
    put(spec, "successfulJobsHistoryLimit", 3)
    put(spec, "failedJobsHistoryLimit", 1)
    job_template = part(spec, "jobTemplate")
    part(job_template, "metadata")
    default_template(part(part(job_template, "spec"), "template"))
