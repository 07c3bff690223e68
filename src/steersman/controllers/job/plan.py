"""Counting a Job's pods and deciding what is next. Pure.

Source: k8s pkg/controller/job.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.api.times import parse_time, rfc3339
from steersman.controllers import pods
from steersman.controllers.job.indexes import format_indexes, index_of, parse_indexes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.types import Object

__all__ = ["FINALIZER", "JobPlan", "finished", "plan_job"]

FINALIZER = "batch.kubernetes.io/job-tracking"
_BACKOFF_BASE = 10.0  # seconds before a failed pod is replaced, doubling
_BACKOFF_CAP = 600.0


@dataclass(frozen=True, slots=True)
class JobPlan:
    status: Object
    create: tuple[int | None, ...] = ()
    """Completion index of each pod to make, None for a Job without indexes."""
    delete: tuple[Object, ...] = ()
    untrack: tuple[Object, ...] = ()
    """Pods whose finalizer may go once the status is written."""
    again: float | None = None
    events: tuple[tuple[str, str, str], ...] = ()
    """(type, reason, message)."""


def finished(job: Object) -> bool:
    return meta.is_condition_true(job, "Complete") or meta.is_condition_true(job, "Failed")


@dataclass(slots=True)
class _Tally:
    """What the status and the pods say together."""

    active: list[Object] = field(default_factory=list)
    terminating: int = 0
    succeeded: int = 0
    failed: int = 0
    uncounted: dict[str, list[str]] = field(default_factory=lambda: {"succeeded": [], "failed": []})
    untrack: list[Object] = field(default_factory=list)
    new_failures: list[Object] = field(default_factory=list)
    done_indexes: set[int] = field(default_factory=set)
    failed_indexes: set[int] = field(default_factory=set)
    last_failure: float | None = None

    @property
    def all_succeeded(self) -> int:
        return self.succeeded + len(self.uncounted["succeeded"])

    @property
    def all_failed(self) -> int:
        return self.failed + len(self.uncounted["failed"])


def _tally(job: Object, owned: Sequence[Object], ending: bool) -> _Tally:
    """Move counted pods from uncounted to the counts, take newly ended ones up. `ending`: active ones will
    go."""
    status, total = job.get("status") or {}, job["spec"].get("completions")
    tally = _Tally(succeeded=status.get("succeeded") or 0, failed=status.get("failed") or 0)
    limit = total if total is not None else 0
    tally.done_indexes = parse_indexes(status.get("completedIndexes") or "", limit)
    tally.failed_indexes = parse_indexes(status.get("failedIndexes") or "", limit)
    tracked = {meta.uid(pod) for pod in owned if FINALIZER in (pod["metadata"].get("finalizers") or ())}
    listed: set[str] = set()
    for key in ("succeeded", "failed"):
        for uid in (status.get("uncountedTerminatedPods") or {}).get(key) or ():
            listed.add(uid)
            if uid in tracked:
                tally.uncounted[key].append(uid)
            elif key == "succeeded":
                tally.succeeded += 1
            else:
                tally.failed += 1
    for pod in owned:
        _count(job, pod, tally, meta.uid(pod) in tracked, meta.uid(pod) in listed, ending)
    return tally


def _count(job: Object, pod: Object, tally: _Tally, tracked: bool, listed: bool, ending: bool) -> None:
    phase = pods.phase(pod)
    replaced_late = job["spec"].get("podReplacementPolicy") == "Failed"
    if phase == "Failed":
        tally.last_failure = max(tally.last_failure or 0.0, _ended_at(pod))
    if not pods.is_terminal(pod):
        if not meta.deleting(pod):
            tally.active.append(pod)
            return
        tally.terminating += 1
        if replaced_late or not (ending or tracked):
            return
    if not tracked:
        return
    if phase == "Succeeded":
        index = index_of(pod)
        if job["spec"].get("completionMode") == "Indexed":
            if index is None or index in tally.done_indexes:
                tally.untrack.append(pod)
                return
            tally.done_indexes.add(index)
        if not listed:
            tally.uncounted["succeeded"].append(meta.uid(pod))
    elif not listed:
        tally.uncounted["failed"].append(meta.uid(pod))
        tally.new_failures.append(pod)
    tally.untrack.append(pod)


def _ended_at(pod: Object) -> float:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    ends = [((s.get("state") or {}).get("terminated") or {}).get("finishedAt") for s in statuses]
    stamps = [parse_time(end) for end in ends if end]
    if stamps:
        return max(stamps)
    ready = meta.get_condition(pod, "Ready") or {}
    stamp = ready.get("lastTransitionTime") or pod["metadata"].get("creationTimestamp")
    return parse_time(stamp) if stamp else 0.0


def plan_job(job: Object, owned: Sequence[Object], now: float) -> JobPlan:
    """What is next for a Job whose pods are `owned`."""
    spec, status = job["spec"], dict(job.get("status") or {})
    if finished(job):
        rest = [pod for pod in owned if FINALIZER in (pod["metadata"].get("finalizers") or ())]
        return JobPlan(status=status, untrack=tuple(rest))
    suspended = bool(spec.get("suspend"))
    if not suspended and not status.get("startTime"):
        status["startTime"] = rfc3339(now)
    target = _condition_true(status, "FailureTarget")
    tally = _tally(job, owned, ending=suspended or target is not None)
    failure = (target["reason"], target["message"]) if target else _failure(job, status, tally, owned, now)
    done = failure is None and _enough(spec, tally)
    stop = suspended or failure is not None or done
    events: list[tuple[str, str, str]] = []
    conditions = _conditions(job, status, failure, done, suspended, now, events)
    quiet = not any(tally.uncounted.values()) and not tally.active
    if quiet and (done or failure is not None) and not (tally.terminating and done):
        conditions = _finish(conditions, failure, now, events)
        if done:
            status["completionTime"] = rfc3339(now)
    create, delete, again = ((), tuple(tally.active), None) if stop else _replicas(spec, tally, now)
    if suspended:
        status.pop("startTime", None)
    status = _written(spec, status, tally, len(tally.active) - len(delete), conditions)
    deadline = _deadline_left(spec, status, now)
    waits = [wait for wait in (again, deadline if not stop else None) if wait is not None]
    return JobPlan(
        status, tuple(create), delete, tuple(tally.untrack), min(waits, default=None), tuple(events)
    )


def _condition_true(status: Object, kind: str) -> Object | None:
    condition = meta.get_condition(status.get("conditions"), kind)
    return condition if condition is not None and condition["status"] == "True" else None


def _enough(spec: Object, tally: _Tally) -> bool:
    total = spec.get("completions")
    if spec.get("completionMode") == "Indexed":
        return len(tally.done_indexes) >= int(total or 0)
    if total is None:  # a work queue: one success says that the work is done
        return tally.all_succeeded > 0 and not tally.active
    return tally.all_succeeded >= int(total)


def _failure(
    job: Object, status: Object, tally: _Tally, owned: Sequence[Object], now: float
) -> tuple[str, str] | None:
    """(reason, message) when the Job has failed."""
    spec = job["spec"]
    left = _deadline_left(spec, status, now)
    if left is not None and left <= 0:
        return "DeadlineExceeded", "Job was active longer than specified deadline"
    verdict = _by_policy(spec, tally)
    if verdict is not None:
        return verdict
    limit = spec.get("backoffLimit")
    restarts = 0
    if spec["template"]["spec"].get("restartPolicy") == "OnFailure":
        restarts = sum(_restarts(pod) for pod in tally.active)
    ignored = sum(_rule_for(spec, pod) == "Ignore" for pod in tally.new_failures)
    if limit is not None and tally.all_failed - ignored + restarts > limit:
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    return None


def _restarts(pod: Object) -> int:
    status = pod.get("status") or {}
    listed = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    return sum(each.get("restartCount") or 0 for each in listed)


def _by_policy(spec: Object, tally: _Tally) -> tuple[str, str] | None:
    for pod in tally.new_failures:
        if _rule_for(spec, pod) == "FailJob":
            return "PodFailurePolicy", f"Pod {meta.key(pod)} has a failure that fails the whole job"
    return None


def _rule_for(spec: Object, pod: Object) -> str:
    """The action of the first rule of the pod failure policy that the failed pod matches; `Count` without
    one."""
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        if _matches_exit(rule.get("onExitCodes"), pod) or _matches_condition(
            rule.get("onPodConditions") or (), pod
        ):
            return str(rule["action"])
    return "Count"


def _matches_exit(wanted: Object | None, pod: Object) -> bool:
    if wanted is None:
        return False
    for each in (pod.get("status") or {}).get("containerStatuses") or ():
        ended = (each.get("state") or {}).get("terminated") or {}
        code = ended.get("exitCode") or 0
        named = wanted.get("containerName") in (None, "", each["name"])
        if named and code != 0 and (code in wanted["values"]) == (wanted["operator"] == "In"):
            return True
    return False


def _matches_condition(wanted: Sequence[Object], pod: Object) -> bool:
    return any(
        (meta.get_condition(pod, each["type"]) or {}).get("status") == (each.get("status") or "True")
        for each in wanted
    )


def _deadline_left(spec: Object, status: Object, now: float) -> float | None:
    seconds, start = spec.get("activeDeadlineSeconds"), status.get("startTime")
    if seconds is None or not start or spec.get("suspend"):
        return None
    return parse_time(start) + float(seconds) - now


def _replicas(
    spec: Object, tally: _Tally, now: float
) -> tuple[tuple[int | None, ...], tuple[Object, ...], float | None]:
    """(indexes of pods to make, pods to delete, seconds to wait for a back-off)."""
    parallel = spec.get("parallelism")
    wanted = 1 if parallel is None else int(parallel)
    total = spec.get("completions")
    indexed = spec.get("completionMode") == "Indexed"
    done = len(tally.done_indexes) if indexed else tally.all_succeeded
    if total is not None:
        wanted = min(wanted, total - done)
    elif done:
        wanted = len(tally.active)  # a work queue that has had a success starts nothing new
    active = len(tally.active)
    if spec.get("podReplacementPolicy") == "Failed":
        active += tally.terminating
    if active > wanted:
        ranked = sorted(tally.active, key=lambda pod: pods.deletion_rank(pod, {}, now))
        return (), tuple(ranked[: active - wanted]), None
    if active == wanted:
        return (), (), None
    wait = _backoff(tally, now)
    if wait > 0:
        return (), (), wait
    if not indexed:
        return (None,) * (wanted - active), (), None
    taken = {index_of(pod) for pod in tally.active} | tally.done_indexes | tally.failed_indexes
    free = [index for index in range(int(total or 0)) if index not in taken]
    return tuple(free[: wanted - active]), (), None


def _backoff(tally: _Tally, now: float) -> float:
    """Seconds until a failed pod may be replaced."""
    if not tally.all_failed or tally.last_failure is None:
        return 0.0
    delay = min(_BACKOFF_BASE * 2.0 ** (min(tally.all_failed, 10) - 1), _BACKOFF_CAP)
    return tally.last_failure + delay - now


def _conditions(
    job: Object,
    status: Object,
    failure: tuple[str, str] | None,
    done: bool,
    suspended: bool,
    now: float,
    events: list[tuple[str, str, str]],
) -> list[Object]:
    """FailureTarget or SuccessCriteriaMet as soon as the end is decided; Suspended as the spec says."""
    conditions = list(status.get("conditions") or ())

    def put(kind: str, state: str, reason: str, message: str) -> None:
        nonlocal conditions
        fresh = {"type": kind, "status": state, "reason": reason, "message": message}
        conditions = meta.set_condition(conditions, fresh | {"lastProbeTime": rfc3339(now)}, now)

    was = _condition_true(status, "Suspended") is not None
    if failure is not None and _condition_true(status, "FailureTarget") is None:
        put("FailureTarget", "True", *failure)
    elif done and _condition_true(status, "SuccessCriteriaMet") is None:
        put("SuccessCriteriaMet", "True", "CompletionsReached", "Reached expected number of succeeded pods")
    elif suspended and not was:
        put("Suspended", "True", "JobSuspended", "Job suspended")
        events.append(("Normal", "Suspended", "Job suspended"))
    elif was and not suspended:
        put("Suspended", "False", "JobResumed", "Job resumed")
        events.append(("Normal", "Resumed", "Job resumed"))
    return conditions


def _finish(
    conditions: list[Object],
    failure: tuple[str, str] | None,
    now: float,
    events: list[tuple[str, str, str]],
) -> list[Object]:
    if failure is not None:
        kind, (reason, message) = "Failed", failure
        events.append(("Warning", reason, message))
    else:
        kind, reason, message = "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
        events.append(("Normal", "Completed", "Job completed"))
    fresh = {"type": kind, "status": "True", "reason": reason, "message": message}
    return meta.set_condition(conditions, fresh | {"lastProbeTime": rfc3339(now)}, now)


def _written(spec: Object, status: Object, tally: _Tally, active: int, conditions: list[Object]) -> Object:
    counts = {"active": active, "succeeded": tally.succeeded, "failed": tally.failed}
    kept = {key: value for key, value in status.items() if key not in counts}
    kept |= {key: count for key, count in counts.items() if count}
    kept["terminating"] = tally.terminating
    kept["ready"] = sum(pods.is_ready(pod) for pod in tally.active) if active else 0
    kept["uncountedTerminatedPods"] = {key: uids for key, uids in tally.uncounted.items() if uids}
    if spec.get("completionMode") == "Indexed" and tally.done_indexes:
        kept["completedIndexes"] = format_indexes(tally.done_indexes)
    if conditions:
        kept["conditions"] = conditions
    return kept
