"""Keys that end with their time: etcd deletes what is attached to a lease when the lease ends.

A lease is shared by the keys written within a window, so that a thousand Events do not make a thousand
leases; every key lives at least as long as was asked, and at most a window longer. Source of the figures: k8s
apiserver/pkg/storage/etcd3/lease_manager.go.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.store.etcd.members import LeaseGone
from steersman.wire.etcd import etcd_pb2 as pb

if TYPE_CHECKING:
    from steersman.store.etcd.members import Members

WINDOW_SECONDS = 60.0
"""How long a lease takes new keys, at most."""
WINDOW_SHARE = 0.05
"""The same as a part of the time asked for; the smaller one counts."""
KEYS = 1000
"""Keys on one lease at most: etcd deletes them all at once."""


@dataclass(slots=True)
class Lease:
    """One lease; times in seconds since the epoch."""

    id: int
    open_until: float
    ends: float
    keys: int = 0


class Leases:
    """The leases this process has asked for."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._lock = asyncio.Lock()
        self._open: dict[float, Lease] = {}
        self._granted: list[Lease] = []

    async def attach(self, ttl: float) -> int:
        """Return a lease that lasts at least `ttl` seconds."""
        async with self._lock:
            lease, now = self._open.get(ttl), time.time()
            if lease is None or lease.open_until <= now or lease.keys >= KEYS:
                lease = self._open[ttl] = await self._grant(ttl, now)
            lease.keys += 1
            return lease.id

    async def _grant(self, ttl: float, now: float) -> Lease:
        window = min(WINDOW_SECONDS, ttl * WINDOW_SHARE)
        seconds = math.ceil(ttl + window)
        granted = await self._members.call(
            lambda member: member.lease.LeaseGrant, pb.LeaseGrantRequest(TTL=seconds)
        )
        lease = Lease(granted.ID, now + window, now + seconds)
        self._granted.append(lease)
        return lease

    def forget(self, lease_id: int) -> None:
        """Use a lease no more: it has ended."""
        self._open = {ttl: lease for ttl, lease in self._open.items() if lease.id != lease_id}

    async def end(self, now: float) -> tuple[int, int]:
        """End the leases whose time has come: how many keys went, and the revision of the last deletion."""
        due = [lease for lease in self._granted if lease.ends <= now]
        self._granted = [lease for lease in self._granted if lease.ends > now]
        keys, revision = 0, 0
        for lease in due:
            self.forget(lease.id)
            left = await self._members.call(
                lambda member: member.lease.LeaseTimeToLive,
                pb.LeaseTimeToLiveRequest(ID=lease.id, keys=True),
            )
            if left.TTL < 0:  # etcd was faster
                continue
            try:
                revoked = await self._members.call(
                    lambda member: member.lease.LeaseRevoke, pb.LeaseRevokeRequest(ID=lease.id)
                )
            except LeaseGone:
                continue
            keys += len(left.keys)
            revision = max(revision, revoked.header.revision if left.keys else 0)
        return keys, revision
