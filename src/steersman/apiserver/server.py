"""The API server as a whole: opens the store, fills in the API, listens, and takes everything down again.

    async with APIServer(config) as server:      # ready when the block is entered
        Client(server.transport())               # in process, as system:masters
        server.url                               # over the network, when it listens

`run(config)` is the component: it serves until it is cancelled.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from steersman.api import kinds
from steersman.apiserver import admission, authn, authz, bootstrap, endpoints, routes
from steersman.apiserver.admission.policies.type_checking import type_checking
from steersman.apiserver.allocators import ServiceAllocators, check_ranges
from steersman.apiserver.api import API
from steersman.apiserver.apiextensions.lifecycle import CustomResources
from steersman.apiserver.authn import MASTERS, User
from steersman.apiserver.authz.upkeep import rbac_upkeep
from steersman.apiserver.cache.hub import ROOT
from steersman.apiserver.conversions import CONVERSIONS
from steersman.apiserver.http import chain
from steersman.apiserver.http.memory import MemoryTransport
from steersman.apiserver.http.streams import Streams
from steersman.apiserver.upkeep import bookmarks, compaction, expiry, trim
from steersman.runtime.clock import SystemClock
from steersman.runtime.program import CannotStart
from steersman.runtime.tasks import TaskGroup
from steersman.store.base import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from steersman.apiserver.audit.auditor import Auditor
    from steersman.apiserver.config import APIServerConfig
    from steersman.apiserver.fairness.fairness import Fairness
    from steersman.apiserver.http.values import Answer, Request
    from steersman.runtime.clock import Clock
    from steersman.store.base import Store

log = logging.getLogger("steersman.apiserver")
ADMIN = User("kubernetes-admin", groups=(MASTERS, authn.AUTHENTICATED))


class APIServer:
    """One API server; an async context manager."""

    def __init__(
        self,
        config: APIServerConfig,
        *,
        store: Store | None = None,
        clock: Clock | None = None,
        listen: bool = True,
    ) -> None:
        self.config = config
        self._given, self._clock, self._listen = store, clock or SystemClock(), listen
        self._stack = AsyncExitStack()
        self.url = ""
        """Where it listens; empty when it does not."""

    @property
    def store(self) -> Store:
        """The store behind it."""
        return self.api.store

    def transport(self, user: User = ADMIN) -> MemoryTransport:
        """Return an in-process transport that asks everything as `user`."""
        return MemoryTransport(self._handler, self._streams, user)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:  # BLE001: what was started is taken down, and it is raised again
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.api.draining = True
        await self._stack.aclose()

    async def _start(self) -> None:
        store = self._given
        if store is None:
            try:
                store = await open_store(self.config)
            except StoreUnavailable as error:
                raise CannotStart(str(error)) from error
            self._stack.push_async_callback(store.close)
        store, reload = await self._encrypting(store)
        self.api = api = API(self.config, store, self._clock, kinds.RESOURCES, CONVERSIONS)
        api.files.follow((self.config.encryption_provider_config,), reload)
        api.advertised = self.config.advertise_address or _address(self.config.bind)
        await api.hub.start()
        self._stack.callback(api.hub.stop)
        api.endpoints = endpoints.table()
        api.allocators = await self._allocators(api)
        tasks = await self._stack.enter_async_context(TaskGroup())
        self._stack.push_async_callback(_cancel_all, tasks)
        self._tasks, self._streams = tasks, Streams(tasks)
        self._handler = chain.build(
            api, self._route, chain.steps(await self._auditor(tasks), self._fairness(tasks))
        )
        await bootstrap.objects(api)
        self._stack.push_async_callback(api.close)
        api.use_plugins(admission.make_plugins(api))
        api.authenticators = authn.make_authenticators(api)
        api.authorizers = authz.make_authorizers(api)
        for upkeep in (bookmarks, compaction, expiry, trim, rbac_upkeep):
            tasks.spawn(upkeep(api), upkeep.__name__)
        tasks.spawn(api.files.run(self._clock), "files")
        custom = CustomResources(api)
        self._stack.callback(await custom.start())
        tasks.spawn(custom.run(), "custom resources")
        await api.aggregator.start()
        tasks.spawn(api.aggregator.run(), "aggregation")
        tasks.spawn(type_checking(api), "type checking")
        if self._listen:
            await self._serve()
        await bootstrap.kubernetes_service(api)
        if store.shared:
            from steersman.apiserver.presence import presence

            tasks.spawn(presence(api), "presence")
        api.bootstrapped = True

    async def _encrypting(self, store: Store) -> tuple[Store, Callable[[], object]]:
        """Put encryption around the store when it is configured; and what takes up a changed file."""
        path = self.config.encryption_provider_config
        if not path:
            return store, lambda: None
        from steersman.apiserver.encryption.setup import encrypting

        return await self._stack.enter_async_context(encrypting(store, path))

    async def _allocators(self, api: API) -> ServiceAllocators:
        """Set up what gives out addresses and node ports, with what Services have taken out."""
        ranges = self.config.service_cidrs, self.config.node_ports, api.random
        if api.store.shared:
            from steersman.apiserver.shared_allocators import SharedAllocators

            shared = SharedAllocators(api.store, *ranges)
            self._stack.callback(await shared.follow(api))
            return shared
        allocators = ServiceAllocators(*ranges)
        await allocators.repair(await api.list(kinds.SERVICES))
        return allocators

    async def _auditor(self, tasks: TaskGroup) -> Auditor | None:
        """Open what audit events go to, when there is a policy."""
        if not self.config.audit_policy_file:
            return None
        from steersman.apiserver.audit import setup

        return await self._stack.enter_async_context(setup.open_auditor(self.config, self._clock, tasks))

    def _fairness(self, tasks: TaskGroup) -> Fairness | None:
        """Set up priority and fairness, unless it is switched off."""
        config = self.config
        if not config.priority_and_fairness:
            return None
        from steersman.apiserver.fairness.fairness import Fairness
        from steersman.apiserver.fairness.upkeep import fairness_upkeep

        fairness = Fairness(config.max_requests_inflight + config.max_mutating_requests_inflight)
        tasks.spawn(fairness_upkeep(self.api, fairness), "priority and fairness")
        return fairness

    async def _serve(self) -> None:
        from steersman.apiserver.http.listener import Listener
        from steersman.apiserver.http.tls import reload, server_context

        config = self.config
        files = (config.tls_cert, config.tls_key, config.client_ca, config.requestheader_ca)
        tls = server_context(*files)
        if tls is not None:
            self.api.files.follow(files, partial(reload, tls, *files))
        listener = Listener(self._handler, self._tasks)
        await listener.start((config.bind, *config.extra_binds), config.port, tls)
        self._stack.push_async_callback(listener.stop, config.drain_timeout)
        self.api.port = listener.port
        host = "127.0.0.1" if config.bind in ("0.0.0.0", "::", "") else config.bind
        self.url = f"{'https' if tls else 'http'}://{host}:{listener.port}"

    def _route(self, request: Request) -> asyncio.Future[Answer]:
        return routes.route(self.api, request)  # type: ignore[return-value]


def _address(bind: str) -> str:
    """Return an address others can be told, for one to listen on."""
    return bind if bind not in ("", "0.0.0.0", "::", "localhost") else "127.0.0.1"


async def _cancel_all(tasks: TaskGroup) -> None:
    """End the background tasks: the group's block would otherwise wait for them for ever."""
    tasks.cancel_all()


async def open_store(config: APIServerConfig) -> Store:
    """Open the store the settings name. Raises: StoreUnavailable, ValueError."""
    if config.store == "memory":
        from steersman.store.memory import MemoryStore

        return MemoryStore()
    if config.store == "sqlite":
        from steersman.store.sqlite import SQLiteStore

        return await SQLiteStore.open(config.database)
    if config.store == "etcd":
        from steersman.store.etcd.members import TLS
        from steersman.store.etcd.store import EtcdStore

        tls = TLS(config.etcd_cafile, config.etcd_certfile, config.etcd_keyfile)
        return await EtcdStore.open(config.etcd_servers, root=ROOT, tls=tls)
    raise ValueError(f"store {config.store!r} is not known: it is sqlite, etcd or memory")


GC_THRESHOLDS = (5_000, 5, 500)
"""For a process full of cached objects that are in no cycles: with Python's own thresholds every few thousand
writes a collection would look at all of them, for a tenth of a second."""


def check_settings(config: APIServerConfig) -> None:
    """Raise OSError or ValueError, in words for whoever wrote them, for settings that cannot be used."""
    from steersman.apiserver import runtime_config
    from steersman.apiserver.authn.configuration import authentication_settings
    from steersman.apiserver.authz.configuration import modes_of

    runtime_config.parse(config.runtime_config)
    authentication_settings(config)
    modes_of(config)
    check_ranges(config.service_cidrs, config.node_ports)
    if config.admission_control_config_file:
        from steersman.apiserver.admission.configuration import read

        read(Path(config.admission_control_config_file))


async def run(config: APIServerConfig) -> None:
    """Serve until cancelled."""
    gc.set_threshold(*GC_THRESHOLDS)
    async with APIServer(config) as server:
        log.info("serving on %s", server.url)
        await asyncio.get_running_loop().create_future()
