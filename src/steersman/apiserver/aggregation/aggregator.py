"""APIServices followed: which group versions are remote, whether they can be reached, what they serve.

    APIService changes ──> remotes (at once) ──> probe: discovery answers? ──> Available, discovery kept
                                                  again every 30 s, sooner while it fails
    definitions change ──> local APIServices come and go

Without remote APIServices the task sleeps until something changes.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import orjson

from steersman.api import kinds, meta
from steersman.api.errors import AlreadyExists, ApiError, Conflict, NotFound, ServiceUnavailable
from steersman.apiserver.aggregation.authentication import publish
from steersman.apiserver.aggregation.local import MANAGED_LABEL, available, wanted_services
from steersman.apiserver.aggregation.remote import Remote, fetch, remote_of
from steersman.apiserver.authn import AUTHENTICATED, MASTERS, User
from steersman.apiserver.streaming.http_request import ExchangeFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from steersman.api.types import Object
    from steersman.apiserver.api import API

log = logging.getLogger("steersman.apiserver.aggregation")
API_SERVICES = kinds.API_SERVICES
PROBE_INTERVAL = 30.0
"""Seconds between probes of a remote that can be reached."""
FIRST_RETRY = 1.0
"""Seconds until one that cannot is tried again; twice as long after every failure."""
PROBE_TIMEOUT = 5.0
AGGREGATOR = User("system:kube-aggregator", groups=(MASTERS, AUTHENTICATED))
"""Who probes."""


class Aggregator:
    """The remote group versions of one server."""

    def __init__(self, api: API) -> None:
        self._api = api
        self.remotes: dict[tuple[str, str], Remote] = {}
        """By group and version; routing asks it for every request below /apis."""
        self._names: dict[str, tuple[str, str]] = {}
        self._wake = asyncio.Event()
        self._local_changed = False

    async def start(self) -> None:
        """Make the local APIServices, follow all, and tell aggregated servers whom to trust."""
        await publish(self._api)
        config = self._api.config
        if config.front_proxy_cert:
            self._api.files.follow((config.front_proxy_cert, config.front_proxy_key), self._forget_tls)
        await self._sync_local()
        for stop in (
            await self._api.follow(API_SERVICES, self._changed),
            await self._api.follow(kinds.CUSTOM_RESOURCE_DEFINITIONS, self._definitions_changed),
        ):
            self._api.on_close(_async(stop))

    def _forget_tls(self) -> None:
        """Have connections to remotes made with the present certificate."""
        for remote in self.remotes.values():
            remote.context = None

    async def run(self) -> None:
        """Probe and keep the local ones, until cancelled."""
        while True:
            await self._wait()
            self._wake.clear()
            if self._local_changed:
                self._local_changed = False
                await self._sync_local()
            now = self._api.clock.monotonic()
            due = [remote for remote in self.remotes.values() if remote.due <= now]
            await asyncio.gather(*(self._probe(remote) for remote in due))

    async def _wait(self) -> None:
        timer = None
        if self.remotes:
            seconds = min(remote.due for remote in self.remotes.values()) - self._api.clock.monotonic()
            timer = self._api.clock.call_later(max(seconds, 0.0), self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()

    def find(self, path: str) -> Remote | None:
        """The remote that implements what a path below /apis names."""
        parts = path.split("/", 4)  # "", "apis", group, version, ...
        if len(parts) < 4 or parts[1] != "apis":
            return None
        return self.remotes.get((parts[2], parts[3]))

    # --- what APIServices say

    def _changed(self, old: Object | None, new: Object | None) -> None:
        obj = new if new is not None else old
        assert obj is not None
        name = meta.name(obj)
        if new is not None and old is not None and new["spec"] == old["spec"]:
            return
        was = self._names.pop(name, None)
        if was is not None:
            self.remotes.pop(was, None)
        remote = remote_of(new) if new is not None else None
        if remote is not None:
            place = (remote.group, remote.version)
            self.remotes[place] = remote
            self._names[name] = place
        elif new is None:
            self._local_changed = True
        if was is not None or remote is not None:
            self._api.views.generation += 1
        if old is not None or remote is not None:
            self._wake.set()

    def _definitions_changed(self, old: Object | None, new: Object | None) -> None:
        self._local_changed = True
        self._wake.set()

    async def _sync_local(self) -> None:
        """Make the missing local APIServices, and delete those of custom groups that are served no more."""
        wanted = wanted_services(self._api.views.resources())
        present = {meta.name(obj): obj for obj in await self._api.look_all(API_SERVICES)}
        for name, obj in wanted.items():
            if name not in present:
                await self._attempt(self._create(obj))
        for name, obj in present.items():
            if name not in wanted and meta.labels(obj).get(MANAGED_LABEL) == "true":
                await self._attempt(self._api.delete(API_SERVICES, name))

    async def _create(self, obj: Object) -> None:
        await self._api.create(API_SERVICES, obj)

    async def _attempt(self, write: Awaitable[object]) -> None:
        try:
            await write
        except (AlreadyExists, NotFound, Conflict):
            return  # another server was faster
        except ApiError as error:
            log.warning("local APIServices: %s", error)

    # --- probing

    async def _probe(self, remote: Remote) -> None:
        reason, message = await self._look(remote)
        ok = reason == "Passed"
        remote.failures = 0 if ok else remote.failures + 1
        pause = PROBE_INTERVAL if ok else min(FIRST_RETRY * 2 ** (remote.failures - 1), PROBE_INTERVAL)
        remote.due = self._api.clock.monotonic() + pause
        if remote.available != ok:
            remote.available = ok
            self._api.views.generation += 1
        if self.remotes.get((remote.group, remote.version)) is remote:
            await self._attempt(self._write(remote, ok, reason, message))

    async def _look(self, remote: Remote) -> tuple[str, str]:
        """Ask for discovery; returns the reason and message of the condition."""
        path = f"/apis/{remote.group}/{remote.version}"
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                status, body = await fetch(self._api, remote, path, AGGREGATOR)
                if 200 <= status < 300:
                    await self._keep(remote, body)
        except ServiceUnavailable as error:
            where = f"service/{remote.service} in {remote.namespace!r}"
            missing = "not found" in error.message
            return (
                ("ServiceNotFound", f"{where} is not present")
                if missing
                else (
                    "MissingEndpoints",
                    f"endpoints for {where} have no addresses with port name: {error.message}",
                )
            )
        except TimeoutError:
            return "FailedDiscoveryCheck", f"failing or missing response from {path}: timed out"
        except (ExchangeFailed, OSError, ValueError) as error:
            return "FailedDiscoveryCheck", f"failing or missing response from {path}: {error}"
        if not 200 <= status < 300:
            return "FailedDiscoveryCheck", f"failing or missing response from {path}: bad status: {status}"
        return "Passed", "all checks passed"

    async def _keep(self, remote: Remote, body: bytes) -> None:
        """Remember what a remote serves. Raises: ValueError."""
        document = orjson.loads(body)
        resources = document.get("resources") if isinstance(document, dict) else None
        found = tuple(one for one in resources or () if isinstance(one, dict))
        openapi = await self._openapi(remote)
        if found != remote.resources or openapi != remote.openapi:
            remote.resources, remote.openapi = found, openapi
            self._api.views.generation += 1

    async def _openapi(self, remote: Remote) -> Object:
        status, body = await fetch(self._api, remote, "/openapi/v3", AGGREGATOR)
        if status != 200:
            return {}
        document = orjson.loads(body)
        paths = document.get("paths") if isinstance(document, dict) else None
        own = f"apis/{remote.group}/{remote.version}"
        return {own: paths[own]} if isinstance(paths, dict) and own in paths else {}

    async def _write(self, remote: Remote, ok: bool, reason: str, message: str) -> None:
        now = self._api.clock.time()
        condition = available("True" if ok else "False", reason, message, now)
        present = await self._api.look(API_SERVICES, remote.name)
        conditions = (present.get("status") or {}).get("conditions")
        if _same(meta.get_condition(conditions, "Available"), condition):
            return

        def change(obj: Object) -> Object:
            status = obj.get("status") or {}
            return {
                **obj,
                "status": {"conditions": meta.set_condition(status.get("conditions"), condition, now)},
            }

        await self._api.update(API_SERVICES, remote.name, change, subresource="status")


def _same(present: Object | None, wanted: Object) -> bool:
    fields: Iterable[str] = ("status", "reason", "message")
    return present is not None and all(present.get(name) == wanted[name] for name in fields)


def _async(stop: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        stop()

    return close
