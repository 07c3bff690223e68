"""The Job controller: claims pods, applies `plan`, writes the status. See README.md."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import ApiError, NotFound
from steersman.api.labels import selector_from_label_selector
from steersman.controllers import ownership, pods
from steersman.controllers.job.indexes import INDEX
from steersman.controllers.job.plan import FINALIZER, finished, plan_job
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.controllers.job.plan import JobPlan

__all__ = ["JobController", "make_pod"]

_ENVIRONMENT = "JOB_COMPLETION_INDEX"


def make_pod(job: Object, index: int | None) -> Object:
    """A pod of the Job, for one completion index or none."""
    pod = pods.from_template(job["spec"]["template"], job, kinds.JOBS)
    metadata, spec = pod["metadata"], pod["spec"]
    metadata["finalizers"] = [*(metadata.get("finalizers") or ()), FINALIZER]
    if index is None:
        return pod
    metadata["generateName"] = f"{meta.name(job)}-{index}-"
    metadata.setdefault("annotations", {})[INDEX] = str(index)
    metadata.setdefault("labels", {})[INDEX] = str(index)
    spec["hostname"] = f"{meta.name(job)}-{index}"
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        env = [e for e in container.get("env") or () if e["name"] != _ENVIRONMENT]
        container["env"] = [*env, {"name": _ENVIRONMENT, "valueFrom": source}]
    return pod


class JobController(Controller):
    name = "job-controller"

    def setup(self) -> None:
        self.jobs = self.informer(kinds.JOBS)
        self.pods = self.informer(kinds.PODS)
        ownership.index_by_controller(self.pods)
        self.for_each(self.jobs)
        self.for_owner(self.pods, kinds.JOBS)
        self.pods.add_handler(self._orphan_tracked)

    async def reconcile(self, key: str) -> float | None:
        """Take the next step of one Job."""
        space, name = meta.split_key(key)
        job = self.jobs.get(name, space)
        if job is None:
            self.writes.forget(key)
            await self._untrack_orphans(key)
            return None
        if job["spec"].get("managedBy") not in (None, "kubernetes.io/job-controller"):
            return None
        selector = selector_from_label_selector(job["spec"].get("selector"))
        owned = await ownership.claim(self.client, self.pods, kinds.JOBS, job, selector)
        if meta.deleting(job) and not finished(job):
            await self._untrack(key, owned)
            return None
        plan = plan_job(job, owned, self.clock.time())
        failure = await self._apply(key, job, plan)
        status = job.get("status") or {}
        if plan.status != status:
            answer = await self.client.update(kinds.JOBS, job | {"status": plan.status}, subresource="status")
            self.writes.wrote(key, self.jobs, answer)
        for kind, reason, message in plan.events:
            self.recorder.event(job, kind, reason, message)
        await self._untrack(key, plan.untrack)
        if failure is not None:
            raise failure
        return plan.again

    async def _apply(self, key: str, job: Object, plan: JobPlan) -> Exception | None:
        deletes = (self._delete(key, job, pod) for pod in plan.delete)
        results = await asyncio.gather(*deletes, return_exceptions=True)
        failure = next((result for result in results if isinstance(result, Exception)), None)
        waiting = iter(plan.create)
        _, refused = await pods.in_batches(len(plan.create), lambda: self._create(key, job, next(waiting)))
        return failure or refused

    async def _create(self, key: str, job: Object, index: int | None) -> None:
        try:
            made = await self.client.create(kinds.PODS, make_pod(job, index))
        except ApiError as error:
            self.recorder.event(job, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self.writes.wrote(key, self.pods, made)
        self.recorder.event(job, "Normal", "SuccessfulCreate", f"Created pod: {meta.name(made)}")

    async def _delete(self, key: str, job: Object, pod: Object) -> None:
        with suppress(NotFound):
            await self.client.delete(kinds.PODS, meta.name(pod), meta.namespace(pod), uid=meta.uid(pod))
        self.writes.deleted(key, self.pods, pod)
        self.recorder.event(job, "Normal", "SuccessfulDelete", f"Deleted pod: {meta.name(pod)}")

    async def _untrack(self, key: str, found: tuple[Object, ...] | list[Object]) -> None:
        """Take our finalizer from pods that are counted (or whose Job is gone)."""
        for pod in found:
            finalizers = pod["metadata"].get("finalizers") or []
            if FINALIZER not in finalizers:
                continue
            version = pod["metadata"]["resourceVersion"]
            kept = [finalizer for finalizer in finalizers if finalizer != FINALIZER]
            body = {"metadata": {"resourceVersion": version, "finalizers": kept}}
            with suppress(NotFound):
                answer = await self.client.patch(kinds.PODS, meta.name(pod), body, meta.namespace(pod))
                self.writes.wrote(key, self.pods, answer)

    async def _untrack_orphans(self, key: str) -> None:
        """The Job is gone: nobody will count its pods."""
        space, name = meta.split_key(key)
        rest = [
            pod
            for pod in self.pods.list(space)
            if FINALIZER in (pod["metadata"].get("finalizers") or ()) and _job_of(pod) == name
        ]
        await self._untrack(key, rest)

    def _orphan_tracked(self, old: Object | None, new: Object | None) -> None:
        """A pod that carries our finalizer without having a Job must not be held for ever."""
        if new is not None and FINALIZER in (new["metadata"].get("finalizers") or ()):
            name = _job_of(new)
            if meta.controller_of(new) is None and name:
                self.queue.add(f"{meta.namespace(new)}/{name}")


def _job_of(pod: Object) -> str:
    reference = meta.controller_of(pod)
    if reference is not None:
        return str(reference["name"]) if reference["kind"] == "Job" else ""
    return meta.labels(pod).get("batch.kubernetes.io/job-name", "")
