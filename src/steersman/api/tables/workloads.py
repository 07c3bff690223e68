"""Workloads as tables show them: apps, batch, autoscaling, policy, and the older core kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api import meta
from steersman.api.tables.columns import (
    NONE,
    UNKNOWN,
    UNSET,
    age,
    labels_text,
    limited,
    metadata,
    name,
    selector_text,
    since,
    spec,
    status,
    table,
    template_cells,
)
from steersman.api.times import human_duration, parse_time

if TYPE_CHECKING:
    from steersman.api.types import Object

_TEMPLATE = ("Containers", "Images", "Selector")


def deployment_cells(obj: Object, now: float) -> list[Any]:
    wanted, found = spec(obj), status(obj)
    return [
        name(obj),
        f"{found.get('readyReplicas') or 0}/{wanted.get('replicas') or 0}",
        found.get("updatedReplicas") or 0,
        found.get("availableReplicas") or 0,
        age(obj, now),
        *template_cells(wanted.get("template")),
        selector_text(wanted.get("selector")),
    ]


def replica_set_cells(obj: Object, now: float) -> list[Any]:
    return [*_replicas(obj, now), selector_text(spec(obj).get("selector"))]


def replication_controller_cells(obj: Object, now: float) -> list[Any]:
    return [*_replicas(obj, now), labels_text(spec(obj).get("selector"))]


def _replicas(obj: Object, now: float) -> list[Any]:
    wanted, found = spec(obj), status(obj)
    return [
        name(obj),
        wanted.get("replicas") or 0,
        found.get("replicas") or 0,
        found.get("readyReplicas") or 0,
        age(obj, now),
        *template_cells(wanted.get("template")),
    ]


def stateful_set_cells(obj: Object, now: float) -> list[Any]:
    wanted = spec(obj)
    ready = f"{status(obj).get('readyReplicas') or 0}/{wanted.get('replicas') or 0}"
    return [name(obj), ready, age(obj, now), *template_cells(wanted.get("template"))]


def daemon_set_cells(obj: Object, now: float) -> list[Any]:
    wanted, found = spec(obj), status(obj)
    template = wanted.get("template") or {}
    return [
        name(obj),
        found.get("desiredNumberScheduled") or 0,
        found.get("currentNumberScheduled") or 0,
        found.get("numberReady") or 0,
        found.get("updatedNumberScheduled") or 0,
        found.get("numberAvailable") or 0,
        labels_text((template.get("spec") or {}).get("nodeSelector")),
        age(obj, now),
        *template_cells(template),
        selector_text(wanted.get("selector")),
    ]


def controller_revision_cells(obj: Object, now: float) -> list[Any]:
    owner = meta.controller_of(obj)
    controller = NONE
    if owner is not None:
        group = str(owner.get("apiVersion") or "").rpartition("/")[0]
        kind = str(owner.get("kind") or "").lower()
        controller = f"{kind}.{group}/{owner.get('name')}" if group else f"{kind}/{owner.get('name')}"
    return [name(obj), controller, obj.get("revision") or 0, age(obj, now)]


def job_cells(obj: Object, now: float) -> list[Any]:
    wanted, found = spec(obj), status(obj)
    return [
        name(obj),
        _job_state(obj),
        _job_completions(wanted, found.get("succeeded") or 0),
        _job_duration(found, now),
        age(obj, now),
        *template_cells(wanted.get("template")),
        selector_text(wanted.get("selector")),
    ]


def _job_state(job: Object) -> str:
    true = {c.get("type") for c in status(job).get("conditions") or () if c.get("status") == "True"}
    for state in ("Complete", "Failed"):
        if state in true:
            return state
    if metadata(job).get("deletionTimestamp"):
        return "Terminating"
    for state in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if state in true:
            return state
    return "Running"


def _job_completions(wanted: Object, succeeded: int) -> str:
    completions = wanted.get("completions")
    if completions is not None:
        return f"{succeeded}/{completions}"
    parallelism = wanted.get("parallelism") or 0
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _job_duration(found: Object, now: float) -> str:
    if not found.get("startTime"):
        return ""
    end = parse_time(found["completionTime"]) if found.get("completionTime") else now
    return human_duration(end - parse_time(found["startTime"]))


def cron_job_cells(obj: Object, now: float) -> list[Any]:
    wanted, found = spec(obj), status(obj)
    job_spec = (wanted.get("jobTemplate") or {}).get("spec") or {}
    return [
        name(obj),
        wanted.get("schedule") or "",
        wanted.get("timeZone") or NONE,
        "True" if wanted.get("suspend") else "False",
        len(found.get("active") or ()),
        since(found.get("lastScheduleTime"), now, NONE),
        age(obj, now),
        *template_cells(job_spec.get("template")),
        selector_text(job_spec.get("selector") or {}),
    ]


def pod_template_cells(obj: Object, now: float) -> list[Any]:
    template = obj.get("template") or {}
    return [name(obj), *template_cells(template), labels_text(metadata(template).get("labels"))]


def disruption_budget_cells(obj: Object, now: float) -> list[Any]:
    wanted = spec(obj)

    def shown(field: str) -> str:
        return "N/A" if wanted.get(field) is None else str(wanted[field])

    allowed = status(obj).get("disruptionsAllowed") or 0
    return [name(obj), shown("minAvailable"), shown("maxUnavailable"), allowed, age(obj, now)]


def autoscaler_cells(obj: Object, now: float) -> list[Any]:
    wanted = spec(obj)
    target = wanted.get("scaleTargetRef") or {}
    minimum = wanted.get("minReplicas")
    return [
        name(obj),
        f"{target.get('kind')}/{target.get('name')}",
        _metrics_v1(obj) if "metrics" not in wanted else _metrics(obj),
        UNSET if minimum is None else str(minimum),
        wanted.get("maxReplicas") or 0,
        status(obj).get("currentReplicas") or 0,
        age(obj, now),
    ]


def _metrics_v1(obj: Object) -> str:
    target = spec(obj).get("targetCPUUtilizationPercentage")
    if target is None:
        return NONE
    current = status(obj).get("currentCPUUtilizationPercentage")
    return f"cpu: {UNKNOWN if current is None else f'{current}%'}/{target}%"


def _metrics(obj: Object) -> str:
    current = status(obj).get("currentMetrics") or []
    shown = [
        _metric(metric, current[index] if index < len(current) else {})
        for index, metric in enumerate(spec(obj).get("metrics") or ())
    ]
    return limited(shown, most=2, separator=", ")


def _metric(metric: Object, current: Object) -> str:
    field = str(metric.get("type") or "")
    field = field[:1].lower() + field[1:]
    wanted, found = metric.get(field) or {}, (current.get(field) or {}).get("current") or {}
    target = wanted.get("target") or {}
    prefix = f"{wanted['name']}: " if field in ("resource", "containerResource") and "name" in wanted else ""
    if target.get("averageUtilization") is not None:
        value = found.get("averageUtilization")
        seen = UNKNOWN if value is None else f"{value}%"
        return f"{prefix}{seen}/{target['averageUtilization']}%"
    if target.get("averageValue") is not None:
        suffix = "" if field in ("resource", "containerResource", "pods") else " (avg)"
        return f"{prefix}{found.get('averageValue') or UNKNOWN}/{target['averageValue']}{suffix}"
    return f"{prefix}{found.get('value') or UNKNOWN}/{target.get('value') or UNKNOWN}"


_COUNTS = ("Desired", "Current", "Up-to-date", "Available")
DEPLOYMENTS = table(
    deployment_cells,
    ("Name", "Ready", "Up-to-date", "Available", "Age", *_TEMPLATE),
    wide=_TEMPLATE,
)
_REPLICA_COLUMNS = ("Name", "Desired", "Current", "Ready", "Age", *_TEMPLATE)
REPLICA_SETS = table(replica_set_cells, _REPLICA_COLUMNS, wide=_TEMPLATE, numbers=(*_COUNTS, "Ready"))
REPLICATION_CONTROLLERS = table(
    replication_controller_cells, _REPLICA_COLUMNS, wide=_TEMPLATE, numbers=(*_COUNTS, "Ready")
)
STATEFUL_SETS = table(
    stateful_set_cells, ("Name", "Ready", "Age", "Containers", "Images"), wide=("Containers", "Images")
)
DAEMON_SETS = table(
    daemon_set_cells,
    ("Name", "Desired", "Current", "Ready", "Up-to-date", "Available", "Node Selector", "Age", *_TEMPLATE),
    wide=_TEMPLATE,
    numbers=(*_COUNTS, "Ready"),
)
CONTROLLER_REVISIONS = table(controller_revision_cells, ("Name", "Controller", "Revision", "Age"))
JOBS = table(job_cells, ("Name", "Status", "Completions", "Duration", "Age", *_TEMPLATE), wide=_TEMPLATE)
CRON_JOBS = table(
    cron_job_cells,
    ("Name", "Schedule", "Timezone", "Suspend", "Active", "Last Schedule", "Age", *_TEMPLATE),
    wide=_TEMPLATE,
    numbers=("Active",),
)
POD_TEMPLATES = table(pod_template_cells, ("Name", "Containers", "Images", "Pod Labels"))
POD_DISRUPTION_BUDGETS = table(
    disruption_budget_cells,
    ("Name", "Min Available", "Max Unavailable", "Allowed Disruptions", "Age"),
    numbers=("Allowed Disruptions",),
)
HORIZONTAL_POD_AUTOSCALERS = table(
    autoscaler_cells,
    ("Name", "Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"),
)
