"""CronJob: starts a Job at each time of its schedule, within its concurrency policy, and keeps a short
history.

Reads CronJobs and Jobs from caches; writes Jobs and the status. Source: k8s pkg/controller/cronjob (v2).
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from steersman.api import kinds, meta
from steersman.api.errors import AlreadyExists, NotFound
from steersman.api.times import parse_time, rfc3339
from steersman.controllers import ownership
from steersman.controllers.job.plan import finished
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.types import Object

__all__ = ["CronJobController", "CronPlan", "make_job", "missed", "next_time", "plan_cron"]

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_TOO_MANY = 100  # missed starts after which something is likely wrong with a clock


def next_time(schedule: str, zone: str, after: float) -> float:
    """The first time of the schedule after `after`. Raises: ValueError for a bad schedule or time zone."""
    from cronsim import CronSim, CronSimError

    try:
        tz = ZoneInfo(zone) if zone else UTC
        start = datetime.fromtimestamp(int(after), tz)
        return next(CronSim(_MACROS.get(schedule, schedule), start)).timestamp()
    except (CronSimError, ZoneInfoNotFoundError, StopIteration) as error:
        raise ValueError(f"schedule {schedule!r}: {error or 'never comes'}") from error


def missed(cron: Object, now: float) -> tuple[float | None, int]:
    """(the latest scheduled time that has come and was not served, how many have come)."""
    spec, status = cron["spec"], cron.get("status") or {}
    last = status.get("lastScheduleTime") or cron["metadata"]["creationTimestamp"]
    at = parse_time(last)
    deadline = spec.get("startingDeadlineSeconds")
    if deadline is not None:
        at = max(at, now - deadline)
    latest, count = None, 0
    while count <= _TOO_MANY:
        at = next_time(spec["schedule"], spec.get("timeZone") or "", at)
        if at > now:
            break
        latest, count = at, count + 1
    if count > _TOO_MANY:  # do not walk through years minute by minute: start near now
        recent = next_time(spec["schedule"], spec.get("timeZone") or "", now - 86_400)
        while recent <= now:
            latest, recent = recent, next_time(spec["schedule"], spec.get("timeZone") or "", recent)
    return latest, count


def make_job(cron: Object, at: float) -> Object:
    """The Job of one scheduled time; its name follows from that time, so it cannot be made twice."""
    template = cron["spec"]["jobTemplate"]
    wanted = template.get("metadata") or {}
    metadata = {
        "name": f"{meta.name(cron)}-{int(at // 60)}",
        "namespace": meta.namespace(cron),
        "labels": dict(wanted.get("labels") or {}),
        "annotations": dict(wanted.get("annotations") or {}) | {_SCHEDULED: rfc3339(at)},
        "ownerReferences": [meta.owner_reference(cron, kinds.CRON_JOBS)],
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": deepcopy(template["spec"])}


@dataclass(frozen=True, slots=True)
class CronPlan:
    start: float | None = None
    """Scheduled time to make a Job for."""
    replace: tuple[Object, ...] = ()
    """Active Jobs to delete first."""
    delete: tuple[Object, ...] = ()
    """Finished Jobs beyond the history limits."""
    again: float | None = None
    events: tuple[tuple[str, str, str], ...] = ()


def plan_cron(cron: Object, jobs: Sequence[Object], now: float) -> CronPlan:
    """Whether to start a Job now and when to look again. Raises: ValueError for a bad schedule."""
    spec = cron["spec"]
    old = _obsolete(spec, jobs)
    if meta.deleting(cron) or spec.get("suspend"):
        return CronPlan(delete=old)
    again = next_time(spec["schedule"], spec.get("timeZone") or "", now) - now + 0.1
    at, count = missed(cron, now)
    events: list[tuple[str, str, str]] = []
    if count > _TOO_MANY:
        text = (
            "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        )
        events.append(("Warning", "TooManyMissedTimes", text))
    deadline = spec.get("startingDeadlineSeconds")
    if at is None or (deadline is not None and at + deadline < now):
        return CronPlan(delete=old, again=again, events=tuple(events))
    active = [job for job in jobs if not finished(job)]
    if active and spec.get("concurrencyPolicy") == "Forbid":
        text = "Not starting job because prior execution is running and concurrency policy is Forbid"
        events.append(("Normal", "JobAlreadyActive", text))
        return CronPlan(delete=old, again=again, events=tuple(events))
    replace = tuple(active) if spec.get("concurrencyPolicy") == "Replace" else ()
    return CronPlan(at, replace, old, again, tuple(events))


def _obsolete(spec: Object, jobs: Sequence[Object]) -> tuple[Object, ...]:
    found: list[Object] = []
    for kind, key, default in (
        ("Complete", "successfulJobsHistoryLimit", 3),
        ("Failed", "failedJobsHistoryLimit", 1),
    ):
        ended = [job for job in jobs if meta.is_condition_true(job, kind) and not meta.deleting(job)]
        ended.sort(key=lambda job: (job.get("status") or {}).get("startTime") or "")
        limit = spec.get(key)
        found += ended[: max(len(ended) - (default if limit is None else limit), 0)]
    return tuple(found)


class CronJobController(Controller):
    name = "cronjob-controller"
    workers = 2

    def setup(self) -> None:
        self.crons = self.informer(kinds.CRON_JOBS)
        self.jobs = self.informer(kinds.JOBS)
        ownership.index_by_controller(self.jobs)
        self.for_each(self.crons)
        self.for_owner(self.jobs, kinds.CRON_JOBS)

    async def reconcile(self, key: str) -> float | None:
        """Start what is due for one CronJob, and keep its status and history."""
        space, name = meta.split_key(key)
        cron = self.crons.get(name, space)
        if cron is None:
            self.writes.forget(key)
            return None
        jobs = ownership.controlled(self.jobs, meta.uid(cron))
        cron = await self._note(key, cron, jobs)
        try:
            plan = plan_cron(cron, jobs, self.clock.time())
        except ValueError as error:
            self.recorder.event(cron, "Warning", "UnparseableSchedule", f"unparseable schedule: {error}")
            return None
        for kind, reason, message in plan.events:
            self.recorder.event(cron, kind, reason, message)
        for job in (*plan.replace, *plan.delete):
            await self._delete(key, cron, job)
        if plan.start is not None:
            await self._start(key, cron, plan.start)
        return plan.again

    async def _note(self, key: str, cron: Object, jobs: Sequence[Object]) -> Object:
        """Bring `status.active` and `lastSuccessfulTime` up to what the Jobs say."""
        status = cron.get("status") or {}
        for gone in {r["uid"] for r in status.get("active") or ()}:
            job = next((j for j in jobs if meta.uid(j) == gone), None)
            if job is not None and finished(job):
                outcome = "Complete" if meta.is_condition_true(job, "Complete") else "Failed"
                text = f"Saw completed job: {meta.name(job)}, condition: {outcome}"
                self.recorder.event(cron, "Normal", "SawCompletedJob", text)
        active = [_reference(job) for job in jobs if not finished(job)]
        ends = [(job.get("status") or {}).get("completionTime") or "" for job in jobs]
        latest = max([status.get("lastSuccessfulTime") or "", *ends])
        wanted = {k: v for k, v in status.items() if k not in ("active", "lastSuccessfulTime")}
        wanted |= ({"active": active} if active else {}) | ({"lastSuccessfulTime": latest} if latest else {})
        return await self._write_status(key, cron, wanted)

    async def _write_status(self, key: str, cron: Object, status: Object) -> Object:
        if status == (cron.get("status") or {}):
            return cron
        answer = await self.client.update(kinds.CRON_JOBS, cron | {"status": status}, subresource="status")
        self.writes.wrote(key, self.crons, answer)
        return answer

    async def _start(self, key: str, cron: Object, at: float) -> None:
        wanted = make_job(cron, at)
        try:
            job = await self.client.create(kinds.JOBS, wanted)
        except AlreadyExists:
            job = await self.client.get(kinds.JOBS, meta.name(wanted), meta.namespace(wanted))
        else:
            self.recorder.event(cron, "Normal", "SuccessfulCreate", f"Created job {meta.name(job)}")
        self.writes.wrote(key, self.jobs, job)
        status = cron.get("status") or {}
        active = [r for r in status.get("active") or () if r["uid"] != meta.uid(job)]
        fresh = {"active": [*active, _reference(job)], "lastScheduleTime": rfc3339(at)}
        await self._write_status(key, cron, status | fresh)

    async def _delete(self, key: str, cron: Object, job: Object) -> None:
        try:
            await self.client.delete(
                kinds.JOBS,
                meta.name(job),
                meta.namespace(job),
                propagation_policy="Background",
                uid=meta.uid(job),
            )
        except NotFound:
            return
        self.writes.deleted(key, self.jobs, job)
        self.recorder.event(cron, "Normal", "SuccessfulDelete", f"Deleted job {meta.name(job)}")


def _reference(job: Object) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": meta.name(job),
        "namespace": meta.namespace(job),
        "uid": meta.uid(job),
        "resourceVersion": job["metadata"].get("resourceVersion", ""),
    }
