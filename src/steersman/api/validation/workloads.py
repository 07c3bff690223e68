"""Checks of the groups apps and batch, of disruption budgets and autoscalers.

Source: the documented API reference; k8s pkg/apis/{apps,batch,policy,autoscaling}/validation for the texts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from steersman.api import fields, names
from steersman.api.fields import Path
from steersman.api.labels import selector_from_label_selector
from steersman.api.validation import rules
from steersman.api.validation.podspec import pod_template
from steersman.api.validation.volumes import claim_spec

if TYPE_CHECKING:
    from steersman.api.fields import FieldError
    from steersman.api.types import Object

_SPEC = Path("spec")
_TEMPLATE = _SPEC.child("template")
CRON_JOB_NAME_MAX = 52
"""A CronJob's name leaves eleven characters for the suffix of its Jobs."""


def _workload(kind: str, spec: Object, *, numbers: tuple[str, ...]) -> list[FieldError]:
    errors: list[FieldError] = []
    for name in numbers:
        errors += rules.non_negative(_SPEC.child(name), spec.get(name))
    return errors + _selector(spec, kind) + pod_template(_TEMPLATE, spec.get("template"))


def _selector(spec: Object, kind: str) -> list[FieldError]:
    """A workload's selector must say something, and select its own template."""
    selector, where = spec.get("selector"), _SPEC.child("selector")
    errors = [fields.required(where)] if selector is None else rules.label_selector(where, selector)
    if errors and selector is not None:
        return errors
    made = selector_from_label_selector(selector)
    if made.empty:
        return [fields.invalid(where, selector, f"empty selector is invalid for {kind}")]
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if spec.get("template") is not None and not made.matches(labels):
        text = "`selector` does not match template `labels`"
        errors.append(fields.invalid(_TEMPLATE.child("metadata", "labels"), labels, text))
    return errors


def _fixed_selector(obj: Object, old: Object) -> list[FieldError]:
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    return rules.immutable(_SPEC.child("selector"), spec.get("selector"), before.get("selector"))


def validate_deployment(deployment: Object) -> list[FieldError]:
    spec = deployment.get("spec") or {}
    errors = _workload("deployment", spec, numbers=("replicas", "minReadySeconds", "revisionHistoryLimit"))
    strategy, where = spec.get("strategy") or {}, _SPEC.child("strategy")
    errors += rules.required_one_of(where.child("type"), strategy.get("type"), ("Recreate", "RollingUpdate"))
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate" and rolling is not None:
        text = "may not be specified when strategy `type` is 'Recreate'"
        errors.append(fields.forbidden(where.child("rollingUpdate"), text))
    elif rolling is not None:
        errors += _rolling(where.child("rollingUpdate"), rolling)
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        here = _SPEC.child("progressDeadlineSeconds")
        errors += rules.non_negative(here, deadline)
        if deadline <= (spec.get("minReadySeconds") or 0):
            errors.append(fields.invalid(here, deadline, "must be greater than minReadySeconds"))
    return errors


def _rolling(path: Path, rolling: Object) -> list[FieldError]:
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    errors = rules.int_or_percent(path.child("maxUnavailable"), unavailable)
    errors += rules.int_or_percent(path.child("maxSurge"), surge)
    if unavailable in (0, "0%") and surge in (0, "0%"):
        text = "may not be 0 when `maxSurge` is 0"
        errors.append(fields.invalid(path.child("maxUnavailable"), unavailable, text))
    if isinstance(unavailable, str) and unavailable[:-1].isdigit() and int(unavailable[:-1]) > 100:
        text = "must not be greater than 100%"
        errors.append(fields.invalid(path.child("maxUnavailable"), unavailable, text))
    return errors


def validate_selector_update(obj: Object, old: Object) -> list[FieldError]:
    """Deployments, ReplicaSets and DaemonSets never change what they select."""
    return _fixed_selector(obj, old)


def validate_replica_set(replica_set: Object) -> list[FieldError]:
    return _workload("replicaset", replica_set.get("spec") or {}, numbers=("replicas", "minReadySeconds"))


def validate_workload_status(obj: Object, old: Object) -> list[FieldError]:
    """Counts are not negative, and no more is ready or available than there is."""
    status, where = obj.get("status") or {}, Path("status")
    errors: list[FieldError] = []
    for name, value in status.items():
        if name.endswith(("eplicas", "observedGeneration")):
            errors += rules.non_negative(where.child(name), value)
    total = status.get("replicas") or 0
    for name in ("readyReplicas", "availableReplicas", "updatedReplicas", "fullyLabeledReplicas"):
        if (status.get(name) or 0) > total:
            text = "cannot be greater than status.replicas"
            errors.append(fields.invalid(where.child(name), status[name], text))
    return errors


def validate_daemon_set(daemon_set: Object) -> list[FieldError]:
    spec = daemon_set.get("spec") or {}
    errors = _workload("daemonset", spec, numbers=("minReadySeconds", "revisionHistoryLimit"))
    strategy, where = spec.get("updateStrategy") or {}, _SPEC.child("updateStrategy")
    kind = strategy.get("type")
    errors += rules.required_one_of(where.child("type"), kind, ("OnDelete", "RollingUpdate"))
    rolling = strategy.get("rollingUpdate")
    if kind == "RollingUpdate" and rolling is None:
        errors.append(fields.required(where.child("rollingUpdate")))
    elif rolling is not None:
        here = where.child("rollingUpdate")
        errors += _rolling(here, rolling)
        surge, unavailable = rolling.get("maxSurge"), rolling.get("maxUnavailable")
        if surge not in (None, 0, "0%") and unavailable not in (None, 0, "0%"):
            text = "may not be set when maxUnavailable is non-zero"
            errors.append(fields.invalid(here.child("maxSurge"), surge, text))
    return errors


_STATEFUL_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def validate_stateful_set(stateful_set: Object) -> list[FieldError]:
    spec = stateful_set.get("spec") or {}
    errors = _workload("statefulset", spec, numbers=("replicas", "minReadySeconds", "revisionHistoryLimit"))
    policies = ("OrderedReady", "Parallel")
    errors += rules.required_one_of(
        _SPEC.child("podManagementPolicy"), spec.get("podManagementPolicy"), policies
    )
    strategy, where = spec.get("updateStrategy") or {}, _SPEC.child("updateStrategy")
    errors += rules.required_one_of(where.child("type"), strategy.get("type"), ("OnDelete", "RollingUpdate"))
    rolling = strategy.get("rollingUpdate")
    if rolling is not None:
        if strategy.get("type") == "OnDelete":
            text = "only allowed for updateStrategy 'RollingUpdate'"
            errors.append(fields.invalid(where.child("rollingUpdate"), rolling, text))
        errors += rules.non_negative(where.child("rollingUpdate", "partition"), rolling.get("partition"))
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    here = _SPEC.child("persistentVolumeClaimRetentionPolicy")
    for name in ("whenDeleted", "whenScaled"):
        errors += rules.one_of(here.child(name), retention.get(name), ("Delete", "Retain"))
    errors += rules.non_negative(_SPEC.child("ordinals", "start"), (spec.get("ordinals") or {}).get("start"))
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        errors += claim_spec(
            _SPEC.child("volumeClaimTemplates").index(index).child("spec"), claim.get("spec") or {}
        )
    return errors


def validate_stateful_set_update(stateful_set: Object, old: Object) -> list[FieldError]:
    spec, before = stateful_set.get("spec") or {}, old.get("spec") or {}
    changed = [
        name
        for name in {*spec, *before} - set(_STATEFUL_MUTABLE)
        if (spec.get(name) or None) != (before.get(name) or None)
    ]
    if not changed:
        return []
    listed = ", ".join(f"'{name}'" for name in _STATEFUL_MUTABLE[:-1])
    others = f"fields other than {listed} and '{_STATEFUL_MUTABLE[-1]}'"
    text = f"updates to statefulset spec for {others} are forbidden"
    return [fields.forbidden(_SPEC, text)]


def validate_controller_revision(revision: Object) -> list[FieldError]:
    errors = rules.non_negative(Path("revision"), revision.get("revision"))
    return errors + rules.required(Path("data"), revision.get("data"), "data is mandatory")


def validate_controller_revision_update(revision: Object, old: Object) -> list[FieldError]:
    return rules.immutable(Path("data"), revision.get("data"), old.get("data"))


_JOB_POLICIES = ("Never", "OnFailure")
_JOB_NUMBERS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)


def validate_job(job: Object) -> list[FieldError]:
    spec = job.get("spec") or {}
    errors = job_spec(_SPEC, spec)
    selector = spec.get("selector")
    if selector is None:
        return [*errors, fields.required(_SPEC.child("selector"))]
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    problems = rules.label_selector(_SPEC.child("selector"), selector)
    if not problems and not selector_from_label_selector(selector).matches(labels):
        text = "`selector` does not match template `labels`"
        problems.append(fields.invalid(_TEMPLATE.child("metadata", "labels"), labels, text))
    if not spec.get("manualSelector"):
        errors += _generated_selector(job, selector)
    return errors + problems


def _generated_selector(job: Object, selector: Object) -> list[FieldError]:
    uid, matches = (job.get("metadata") or {}).get("uid"), selector.get("matchLabels") or {}
    if not uid or uid in (matches.get("batch.kubernetes.io/controller-uid"), matches.get("controller-uid")):
        return []
    return [fields.invalid(_SPEC.child("selector"), selector, "`selector` not auto-generated")]


def job_spec(path: Path, spec: Object) -> list[FieldError]:
    """Check what Jobs and the template of a CronJob have in common."""
    errors: list[FieldError] = []
    for name in _JOB_NUMBERS:
        errors += rules.non_negative(path.child(name), spec.get(name))
    mode = spec.get("completionMode")
    errors += rules.one_of(path.child("completionMode"), mode, ("Indexed", "NonIndexed"))
    if mode == "Indexed" and spec.get("completions") is None:
        text = "when completion mode is Indexed"
        errors.append(fields.required(path.child("completions"), text))
    if spec.get("backoffLimitPerIndex") is not None and mode != "Indexed":
        text = "requires indexed completion mode"
        errors.append(fields.invalid(path.child("backoffLimitPerIndex"), spec["backoffLimitPerIndex"], text))
    template, where = spec.get("template"), path.child("template")
    errors += pod_template(where, template, restart_policies=("Always", *_JOB_POLICIES))
    policy = ((template or {}).get("spec") or {}).get("restartPolicy")
    if policy == "Always":
        errors.append(fields.not_supported(where.child("spec", "restartPolicy"), policy, _JOB_POLICIES))
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        text = 'only "Never" is supported when podFailurePolicy is specified'
        errors.append(fields.invalid(where.child("spec", "restartPolicy"), policy, text))
    return errors


def validate_job_update(job: Object, old: Object) -> list[FieldError]:
    spec, before = job.get("spec") or {}, old.get("spec") or {}
    errors: list[FieldError] = []
    for name in ("selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy"):
        errors += rules.immutable(_SPEC.child(name), spec.get(name), before.get(name))
    if spec.get("completions") != before.get("completions"):
        elastic = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get(
            "parallelism"
        )
        if not elastic:
            errors.append(
                fields.invalid(_SPEC.child("completions"), spec.get("completions"), rules.IMMUTABLE)
            )
    suspended = before.get("suspend") and not (old.get("status") or {}).get("startTime")
    if not suspended:
        errors += rules.immutable(_TEMPLATE, spec.get("template"), before.get("template"))
    return errors


_CRON_FIELD = re.compile(r"[0-9A-Za-z*/,?#LW-]+\Z", re.ASCII)
_CRON_NAMES = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")


def validate_cron_job(cron_job: Object) -> list[FieldError]:
    spec = cron_job.get("spec") or {}
    name = (cron_job.get("metadata") or {}).get("name") or ""
    errors: list[FieldError] = []
    if len(name) > CRON_JOB_NAME_MAX:
        text = f"must be no more than {CRON_JOB_NAME_MAX} characters"
        errors.append(fields.invalid(Path("metadata", "name"), name, text))
    errors += _schedule(spec.get("schedule") or "", spec.get("timeZone"))
    policies = ("Allow", "Forbid", "Replace")
    errors += rules.required_one_of(_SPEC.child("concurrencyPolicy"), spec.get("concurrencyPolicy"), policies)
    for field in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        errors += rules.non_negative(_SPEC.child(field), spec.get(field))
    job = (spec.get("jobTemplate") or {}).get("spec")
    where = _SPEC.child("jobTemplate", "spec")
    return errors + (job_spec(where, job) if job is not None else [fields.required(where)])


def _schedule(schedule: str, zone: str | None) -> list[FieldError]:
    where, here = _SPEC.child("schedule"), _SPEC.child("timeZone")
    if not schedule:
        return [fields.required(where)]
    errors: list[FieldError] = []
    if "TZ" in schedule:
        text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(fields.invalid(where, schedule, text))
    elif not _is_cron(schedule):
        text = "expected exactly 5 fields of minute, hour, day of month, month and day of week"
        errors.append(fields.invalid(where, schedule, text))
    if zone is not None:
        if not zone:
            errors.append(fields.invalid(here, zone, "timeZone must be nil or non-empty string"))
        elif zone.lower() == "local":
            text = "timeZone must be an explicit time zone of the tz database"
            errors.append(fields.invalid(here, zone, text))
        elif not _is_zone(zone):
            errors.append(fields.invalid(here, zone, f"unknown time zone {zone}"))
    return errors


def _is_zone(zone: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # CronJobs with a zone are rare

    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _is_cron(schedule: str) -> bool:
    if schedule.startswith("@"):
        return schedule in _CRON_NAMES or schedule.startswith("@every ")
    parts = schedule.split()
    return len(parts) == 5 and all(_CRON_FIELD.match(part) for part in parts)


def validate_disruption_budget(budget: Object) -> list[FieldError]:
    spec = budget.get("spec") or {}
    errors: list[FieldError] = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        text = "minAvailable and maxUnavailable cannot be both set"
        errors.append(fields.invalid(_SPEC, spec, text))
    for name in ("minAvailable", "maxUnavailable"):
        if spec.get(name) is not None:
            errors += rules.int_or_percent(_SPEC.child(name), spec[name])
    errors += rules.label_selector(_SPEC.child("selector"), spec.get("selector"))
    policies = ("AlwaysAllow", "IfHealthyBudget")
    policy = spec.get("unhealthyPodEvictionPolicy")
    return errors + rules.one_of(_SPEC.child("unhealthyPodEvictionPolicy"), policy, policies)


def validate_autoscaler(autoscaler: Object) -> list[FieldError]:
    """Check an autoscaler of either version."""
    spec = autoscaler.get("spec") or {}
    errors: list[FieldError] = []
    minimum, maximum = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if minimum is not None and minimum < 1:
        errors.append(
            fields.invalid(_SPEC.child("minReplicas"), minimum, "must be greater than or equal to 1")
        )
    if maximum < 1:
        errors.append(fields.invalid(_SPEC.child("maxReplicas"), maximum, rules.NOT_POSITIVE))
    if minimum is not None and maximum < minimum:
        text = "must be greater than or equal to `minReplicas`"
        errors.append(fields.invalid(_SPEC.child("maxReplicas"), maximum, text))
    target, where = spec.get("scaleTargetRef") or {}, _SPEC.child("scaleTargetRef")
    errors += rules.required_name(where.child("kind"), target.get("kind"), names.is_path_segment)
    errors += rules.required_name(where.child("name"), target.get("name"), names.is_path_segment)
    for index, metric in enumerate(spec.get("metrics") or ()):
        kinds = ("ContainerResource", "External", "Object", "Pods", "Resource")
        here = _SPEC.child("metrics").index(index).child("type")
        errors += rules.required_one_of(here, metric.get("type"), kinds)
    return errors
