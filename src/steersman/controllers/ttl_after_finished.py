"""Finished Jobs with `ttlSecondsAfterFinished`: deleted when that time has passed.

Source: k8s pkg/controller/ttlafterfinished.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import NotFound
from steersman.api.times import parse_time
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from steersman.api.types import Object

__all__ = ["TTLAfterFinishedController", "expires_at"]


def expires_at(job: Object) -> float | None:
    """When a finished Job is to go (seconds since the epoch); None when it is to stay."""
    seconds = job["spec"].get("ttlSecondsAfterFinished")
    if seconds is None or meta.deleting(job):
        return None
    for kind in ("Complete", "Failed"):
        condition = meta.get_condition(job, kind)
        if condition is not None and condition["status"] == "True":
            return parse_time(condition["lastTransitionTime"]) + float(seconds)
    return None


class TTLAfterFinishedController(Controller):
    name = "ttl-after-finished-controller"
    workers = 1

    def setup(self) -> None:
        self.jobs = self.informer(kinds.JOBS)
        self.for_each(self.jobs)

    async def reconcile(self, key: str) -> float | None:
        """Delete one Job when its time has come."""
        space, name = meta.split_key(key)
        job = self.jobs.get(name, space)
        at = expires_at(job) if job is not None else None
        if job is None or at is None:
            return None
        if at > self.clock.time():
            return at - self.clock.time()
        live = await self._live(name, space)
        if live is not None and meta.uid(live) == meta.uid(job) and expires_at(live) == at:
            await self.client.delete(
                kinds.JOBS, name, space, propagation_policy="Foreground", uid=meta.uid(live)
            )
        return None

    async def _live(self, name: str, space: str) -> Object | None:
        try:
            return await self.client.get(kinds.JOBS, name, space)
        except NotFound:
            return None
