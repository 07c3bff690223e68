"""The loop that keeps one node's service rules: Services and EndpointSlices in, one nft transaction out."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from steersman.api.kinds import ENDPOINT_SLICES, SERVICES
from steersman.proxy import nftables, text
from steersman.proxy.conntrack import Flow, drop_flows, stale_flows
from steersman.proxy.healthcheck import HealthChecks, plan_health_checks
from steersman.proxy.services import SERVICE_NAME, ServicePort, service_ports
from steersman.runtime.command import CommandFailed, run_command
from steersman.runtime.health import serve_health
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.events import EventRecorder
    from steersman.client.informer import Informers
    from steersman.client.rest import Client
    from steersman.proxy.config import ProxyConfig
    from steersman.proxy.nftables import Fragment, Ruleset
    from steersman.runtime.clock import Clock

__all__ = ["Proxy", "cleanup", "run"]

log = logging.getLogger("steersman.proxy")

FAMILIES = (4, 6)
RETRY_SECONDS = 2.0
"""Until the next attempt after rules could not be written."""

Key = tuple[str, str]
"""(namespace, name) of a Service."""


async def run(
    config: ProxyConfig, client: Client, informers: Informers, recorder: EventRecorder, clock: Clock
) -> None:
    """Keep the rules until cancelled; they stay in the kernel then, so that traffic lives through a
    restart."""
    proxy = Proxy(config, informers, clock)
    async with AsyncExitStack() as stack:
        if config.health_port:
            checks = {"rules": proxy.check_written}
            await stack.enter_async_context(serve_health(config.health_bind, config.health_port, checks))
        await proxy.run()


async def cleanup() -> None:
    """Remove every rule of the proxy. Raises: CommandFailed."""
    await run_command(("nft", "-f", "-"), text.removal().encode())


class Proxy:
    def __init__(self, config: ProxyConfig, informers: Informers, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._services = informers.informer(SERVICES)
        self._slices = informers.informer(ENDPOINT_SLICES)
        self._slices.add_index("service", lambda piece: [f"{k[0]}/{k[1]}" for k in slice_service(piece)])
        self._ports: dict[Key, tuple[ServicePort, ...]] = {}
        self._fragments: dict[Key, dict[int, Fragment]] = {}
        self._dirty: set[Key] = set()
        self._changed = asyncio.Event()
        self._written: dict[int, Ruleset] = {}
        """What is in the kernel, by family; a family that is missing is written as a whole."""
        self._health_checks = HealthChecks(config.health_bind, self._is_written)

    async def run(self) -> None:
        self._services.add_handler(self._service_changed)
        self._slices.add_handler(self._slice_changed)
        try:
            await self._services.wait_synced()
            await self._slices.wait_synced()
            self._changed.set()
            async with TaskGroup() as group:
                group.forever(self._sync, "proxy rules", clock=self._clock)
                group.forever(self._watch_table, "proxy table check", clock=self._clock)
        finally:
            await self._health_checks.close()
            self._services.remove_handler(self._service_changed)
            self._slices.remove_handler(self._slice_changed)

    async def check_written(self) -> None:
        """Raises: RuntimeError while the kernel does not have the rules."""
        if not self._is_written():
            raise RuntimeError("the service rules are not written")

    def _is_written(self) -> bool:
        return len(self._written) == len(FAMILIES)

    # --- observe ---

    def _service_changed(self, old: Object | None, new: Object | None) -> None:
        meta = (new or old or {})["metadata"]
        self._mark((meta["namespace"], meta["name"]))

    def _slice_changed(self, old: Object | None, new: Object | None) -> None:
        for piece in (old, new):
            for key in slice_service(piece or {}):
                self._mark(key)

    def _mark(self, key: Key) -> None:
        self._dirty.add(key)
        self._changed.set()

    # --- plan ---

    def _take_in(self) -> frozenset[Flow]:
        """Recompute the Services that changed; the flows that they leave behind."""
        stale: frozenset[Flow] = frozenset()
        dirty, self._dirty = self._dirty, set()
        for key in dirty:
            try:
                stale |= self._take_in_service(key)
            except Exception:  # BLE001: one Service must not stop the others; logged with its name
                log.exception("cannot make rules for service %s/%s; the old ones stay", *key)
        return stale

    def _take_in_service(self, key: Key) -> frozenset[Flow]:
        config, (namespace, name) = self._config, key
        service = self._services.get(name, namespace)
        slices = self._slices.by_index("service", f"{namespace}/{name}")
        ports = service_ports(service, slices, config.node_name) if service is not None else ()
        before = self._ports.get(key, ())
        if ports == before:
            return frozenset()
        if ports:
            self._fragments[key] = {
                family: nftables.fragment(ports, family, config.cluster_cidr, config.excluded_addresses)
                for family in FAMILIES
            }
            self._ports[key] = ports
        else:
            del self._ports[key], self._fragments[key]
        return stale_flows(before, ports)

    def _ruleset(self, family: int) -> Ruleset:
        return nftables.merge(family, (self._fragments[key][family] for key in sorted(self._fragments)))

    # --- apply ---

    async def _sync(self) -> None:
        flows: frozenset[Flow] = frozenset()
        while True:
            await self._changed.wait()
            await self._clock.sleep(self._config.coalesce)
            self._changed.clear()
            flows |= self._take_in()
            try:
                for family in FAMILIES:
                    await self._write(self._ruleset(family))
            except CommandFailed as error:
                log.error("cannot write the service rules, next attempt in %g s: %s", RETRY_SECONDS, error)
                self._written.clear()
                await self._clock.sleep(RETRY_SECONDS)
                self._changed.set()
                continue
            await self._health_checks.apply(plan_health_checks(self._ports))
            await drop_flows(flows)
            flows = frozenset()

    async def _write(self, rules: Ruleset) -> None:
        """Raises: CommandFailed; the kernel then has what it had before."""
        written = self._written.get(rules.family)
        commands = text.whole(rules) if written is None else text.difference(written, rules)
        if commands:
            await run_command(("nft", "-f", "-"), commands.encode())
            log.debug("wrote %d lines of rules", commands.count("\n"))
        self._written[rules.family] = rules

    async def _watch_table(self) -> None:
        """Write everything anew when somebody took the table away. (Listing names costs the same for any
        size.)"""
        while True:
            await self._clock.sleep(self._config.check_period)
            try:
                tables = (await run_command(("nft", "list", "tables"))).splitlines()
            except CommandFailed as error:
                log.warning("cannot look whether the service rules are there: %s", error)
                continue
            gone = [
                f for f in self._written if f"table {nftables.FAMILY_NAME[f]} {nftables.TABLE}" not in tables
            ]
            if gone:
                log.warning("the service rules are gone, writing them anew")
                for family in gone:
                    del self._written[family]
                self._changed.set()


def slice_service(piece: Object) -> list[Key]:
    """The Service an EndpointSlice belongs to; empty when it says none."""
    meta = piece.get("metadata") or {}
    name = (meta.get("labels") or {}).get(SERVICE_NAME)
    return [(meta["namespace"], name)] if name else []
