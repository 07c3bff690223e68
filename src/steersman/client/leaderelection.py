"""One active instance of a component among several: the holder of a Lease works, the others wait.

    async with leader_lease(client, "steersman-scheduler", "kube-system", identity, clock=clock):
        ...  # we lead here; losing the lease cancels this block and raises LeadershipLost

Times follow client-go: the lease lasts 15 s, is renewed every 2 s, and is lost when no renewal succeeded for
10 s. Clocks of instances need not agree: another's lease is judged by when *we* saw it change.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api.errors import ApiError, NotFound
from steersman.api.kinds import LEASES
from steersman.api.times import rfc3339_micro
from steersman.client.transport import ConnectionFailed
from steersman.runtime.clock import SystemClock
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from steersman.api.types import Object
    from steersman.client.rest import Client
    from steersman.runtime.clock import Clock

__all__ = ["LeadershipLost", "leader_lease"]

log = logging.getLogger("steersman.client.leaderelection")


class LeadershipLost(Exception):
    """Another instance may lead now: stop at once."""


@dataclass(slots=True)
class _Elector:
    client: Client
    name: str
    namespace: str
    identity: str
    clock: Clock
    duration: float
    seen: Object | None = None
    """The lease spec last observed."""
    seen_at: float = 0.0

    async def try_hold(self) -> bool:
        """Take or renew the lease; False when another holds it. Raises: ApiError, ConnectionFailed."""
        now = self.clock.time()
        try:
            lease = await self.client.get(LEASES, self.name, self.namespace)
        except NotFound:
            meta = {"name": self.name, "namespace": self.namespace}
            await self.client.create(LEASES, {"metadata": meta, "spec": self._spec({}, now)})
            return True
        spec = lease.get("spec") or {}
        if spec != self.seen:
            self.seen, self.seen_at = spec, self.clock.monotonic()
        holder = spec.get("holderIdentity") or ""
        fresh = self.clock.monotonic() < self.seen_at + float(
            spec.get("leaseDurationSeconds") or self.duration
        )
        if holder not in ("", self.identity) and fresh:
            return False
        await self.client.update(LEASES, lease | {"spec": self._spec(spec, now)})
        return True

    async def release(self) -> None:
        """Give the lease up so that another need not wait for it to run out."""
        try:
            lease = await self.client.get(LEASES, self.name, self.namespace)
            if lease["spec"].get("holderIdentity") == self.identity:
                spec = lease["spec"] | {"holderIdentity": "", "leaseDurationSeconds": 1}
                await self.client.update(LEASES, lease | {"spec": spec})
        except (ApiError, ConnectionFailed) as error:
            log.info("could not give up lease %s: %s", self.name, error)

    def _spec(self, old: Object, now: float) -> Object:
        spec = old | {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": int(self.duration),
            "renewTime": rfc3339_micro(now),
        }
        if old.get("holderIdentity") != self.identity:
            spec["acquireTime"] = rfc3339_micro(now)
            spec["leaseTransitions"] = old.get("leaseTransitions", -1) + 1
        return spec


@asynccontextmanager
async def leader_lease(
    client: Client,
    name: str,
    namespace: str,
    identity: str,
    *,
    clock: Clock | None = None,
    duration: float = 15.0,
    renew_deadline: float = 10.0,
    retry: float = 2.0,
) -> AsyncIterator[None]:
    """Wait for the lease, hold it during the block, give it up after. Raises: LeadershipLost out of the
    block."""
    elector = _Elector(client, name, namespace, identity, clock or SystemClock(), duration)
    await _acquire(elector, retry)
    log.info("%s leads (%s)", identity, name)
    try:
        async with TaskGroup() as group:
            renewing = group.spawn(_renew(elector, renew_deadline, retry), f"renew lease {name}")
            yield
            renewing.cancel()
    except* LeadershipLost as lost:
        raise LeadershipLost(f"{identity} lost lease {namespace}/{name}") from lost
    finally:
        await elector.release()


async def _acquire(elector: _Elector, retry: float) -> None:
    while True:
        try:
            if await elector.try_hold():
                return
        except (ApiError, ConnectionFailed) as error:
            log.info("lease %s: %s", elector.name, error)
        await elector.clock.sleep(retry)


async def _renew(elector: _Elector, deadline: float, retry: float) -> None:
    good = elector.clock.monotonic()
    while True:
        await elector.clock.sleep(retry)
        try:
            if not await elector.try_hold():
                raise LeadershipLost
            good = elector.clock.monotonic()
        except (ApiError, ConnectionFailed) as error:
            log.warning("renewing lease %s: %s", elector.name, error)
            if elector.clock.monotonic() - good >= deadline:
                raise LeadershipLost from error
