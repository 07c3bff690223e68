"""Writes pod statuses to the API server: only on change, newest wins, several pods at a time.

A status is compared with what the API last showed; only the fields that differ go into a strategic merge
patch that carries the pod's uid, so that it can never hit a later pod of the same name.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from steersman.api.errors import ApiError, Conflict, NotFound
from steersman.api.kinds import PODS
from steersman.client.rest import STRATEGIC_PATCH
from steersman.client.transport import ConnectionFailed
from steersman.client.workqueue import WorkQueue
from steersman.kubelet.status.conditions import OWNED
from steersman.runtime.backoff import Backoff
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.rest import Client
    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.kubelet.status")

LONGEST_PAUSE = 10.0  # seconds between tries
WRITERS = 4  # patches under way at once
MERGED_LISTS = {"podIPs", "hostIPs"}  # lists that a strategic patch would merge where we mean to replace


class StatusWriter:
    """Statuses by pod uid."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._queue: WorkQueue[str] = WorkQueue(clock)
        self._wanted: dict[str, tuple[Object | None, Object]] = {}
        self._seen: dict[str, Object] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._pause = Backoff(0.2, cap=LONGEST_PAUSE, clock=clock)

    async def run(self) -> None:
        async with TaskGroup() as group:
            for number in range(WRITERS):
                group.forever(self._write_forever, f"status writer {number}")

    def current(self, uid: str) -> Object | None:
        """The newest status made for the pod, written or not."""
        wanted = self._wanted.get(uid)
        return wanted[1] if wanted else None

    def observe(self, pod: Object) -> None:
        """The API now shows this object."""
        uid = pod["metadata"]["uid"]
        if uid in self._wanted:
            self._seen[uid] = pod.get("status") or {}
            if difference(self._seen[uid], self._wanted[uid][1]):
                self._queue.add(uid)

    def set(self, uid: str, pod: Object | None, status: Object) -> None:
        """`status` is what the pod's status should be; returns at once.

        `pod` is the API object to write it to (the mirror of a static pod); None keeps it here only.
        """
        before = self._wanted.get(uid)
        self._wanted[uid] = (pod, status)
        if uid not in self._seen or (before is not None and _uid(before[0]) != _uid(pod)):
            self._seen[uid] = (pod or {}).get("status") or {}
        if difference(self._seen.get(uid, {}), status):
            self._queue.add(uid)

    def forget(self, uid: str) -> None:
        self._wanted.pop(uid, None)
        self._seen.pop(uid, None)
        self._locks.pop(uid, None)
        self._pause.forget(uid)

    async def flush(self, uid: str) -> None:
        """Write the newest status before returning, however long the API server is away."""
        while not await self._write(uid):
            await self._clock.sleep(self._pause.current(uid))

    def _complain(self, uid: str, pod: Object, error: Exception) -> None:
        """Log the first failure of a row."""
        level = logging.DEBUG if self._pause.current(uid) else logging.WARNING
        meta = pod["metadata"]
        log.log(level, "cannot write the status of pod %s/%s: %s", meta["namespace"], meta["name"], error)

    async def still_there(self, pod: Object) -> bool:
        """False when the API has no pod of this name and uid; a conflict then has no remedy."""
        meta = pod["metadata"]
        try:
            found = await self._client.get(PODS, meta["name"], meta["namespace"])
        except NotFound:
            return False
        except (ApiError, ConnectionFailed):
            return True
        return bool(found["metadata"]["uid"] == meta["uid"])

    async def _write_forever(self) -> None:
        while True:
            uid = await self._queue.get()
            try:
                if not await self._write(uid):
                    self._queue.add_after(uid, self._pause.current(uid))
            finally:
                self._queue.done(uid)

    async def _write(self, uid: str) -> bool:
        """True when there is nothing left to try; else the pause before the next try has grown."""
        async with self._locks.setdefault(uid, asyncio.Lock()):
            if await self._write_newest(uid):
                self._pause.forget(uid)
                return True
            self._pause.next(uid)
            return False

    async def _write_newest(self, uid: str) -> bool:
        wanted = self._wanted.get(uid)
        if wanted is None:
            return True
        pod, status = wanted
        if pod is None:
            return True
        changes = difference(self._seen.get(uid, {}), status)
        if not changes:
            return True
        meta = pod["metadata"]
        patch = {"metadata": {"uid": meta["uid"]}, "status": changes}
        try:
            answer = await self._client.patch(
                PODS,
                meta["name"],
                patch,
                meta["namespace"],
                content_type=STRATEGIC_PATCH,
                subresource="status",
            )
        except NotFound:
            return True
        except ApiError as error:
            if isinstance(error, Conflict) and not await self.still_there(pod):
                return True
            self._complain(uid, pod, error)
            return False
        except ConnectionFailed as error:
            self._complain(uid, pod, error)
            return False
        if uid in self._wanted:
            self._seen[uid] = answer.get("status") or {}
        return True


def _uid(pod: Object | None) -> str:
    """Of the object a status is written to: a static pod may get a new mirror."""
    return str(pod["metadata"]["uid"]) if pod else ""


def difference(present: Object, wanted: Object) -> Object:
    """The fields of a status to patch: changed ones whole, absent ones None, conditions by type."""
    changes: Object = {}
    for field, value in wanted.items():
        if field == "conditions":
            if changed := _changed_conditions(present.get(field) or [], value):
                changes[field] = changed
        elif not same(present.get(field), value):
            changes[field] = [*value, {"$patch": "replace"}] if field in MERGED_LISTS else value
    for field in ("podIP", "podIPs"):
        if field in present and field not in wanted:
            changes[field] = None
    return changes


def _changed_conditions(present: list[Object], wanted: list[Object]) -> list[Object]:
    known = {condition["type"]: condition for condition in present}
    cleared = {"reason": None, "message": None}
    left = {condition["type"] for condition in wanted}
    over = [{"type": kind, "$patch": "delete"} for kind in known if kind in OWNED and kind not in left]
    return over + [
        cleared | condition if condition["type"] in known else condition
        for condition in wanted
        if condition["type"] in OWNED and not same(known.get(condition["type"]), condition)
    ]


def same(left: Any, right: Any) -> bool:
    """Equal when absent, null, false, zero and empty count as the same, as they do on the wire."""
    if isinstance(left, dict) and isinstance(right, dict):
        return all(same(left.get(key), right.get(key)) for key in left.keys() | right.keys())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right or (not left and not right)
