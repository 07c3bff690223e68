"""The DNS server of a node: the chain over the informers' caches, listening on the cluster DNS address."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from steersman.dns.chain import Context, link
from steersman.dns.listen import listening
from steersman.dns.message import failure
from steersman.dns.plugins import DNS_CHAIN
from steersman.runtime.health import serve_health
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.client.events import EventRecorder
    from steersman.client.informer import Informers
    from steersman.client.rest import Client
    from steersman.dns.config import DNSConfig
    from steersman.dns.message import Query, Reply
    from steersman.runtime.clock import Clock

__all__ = ["run", "serve"]

log = logging.getLogger("steersman.dns")


async def run(
    config: DNSConfig, client: Client, informers: Informers, recorder: EventRecorder, clock: Clock
) -> None:
    """Answer until cancelled. Until the caches are filled, names of the cluster get SERVFAIL."""
    await serve(config, informers, clock)


async def serve(
    config: DNSConfig,
    informers: Informers,
    clock: Clock,
    ready: Callable[[list[int]], object] = lambda ports: None,
) -> None:
    """As `run`; calls `ready` with the ports once it listens (for `port` 0).

    Raises: OSError when an address and port are taken.
    """
    context = Context(config, informers, clock, _not_yet)
    handler = link(DNS_CHAIN, context)

    async def check_synced() -> None:
        if not informers.synced:
            raise RuntimeError("the caches are not filled yet")

    async with TaskGroup() as group, AsyncExitStack() as stack:
        if config.health_port:
            checks = {"informers": check_synced}
            await stack.enter_async_context(serve_health(config.health_bind, config.health_port, checks))
        ports = [
            await stack.enter_async_context(listening(address, config.port, handler, group))
            for address in config.addresses
        ]
        log.info("answering for %s on %s", config.domain, ", ".join(config.addresses))
        ready(ports)
        await asyncio.Event().wait()


async def _not_yet(query: Query) -> Reply:
    return failure()
