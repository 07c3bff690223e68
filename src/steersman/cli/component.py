"""Running components: the parts of a process share one client and one set of informers."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from steersman.runtime import log, program

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from steersman.cli.options import Process
    from steersman.client.events import EventRecorder
    from steersman.client.informer import Informers
    from steersman.client.rest import Client
    from steersman.runtime.clock import Clock

FIRST_RESTART = 1.0
LONGEST_RESTART = 30.0
"""Seconds before a failed part of a process is started again."""


@dataclass(frozen=True, slots=True)
class Part:
    """One component of a process."""

    name: str
    """As events and leases name it: "kubelet", "default-scheduler"."""
    run: Callable[[Client, Informers, EventRecorder, Clock], Awaitable[None]]
    """Works until cancelled."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Parts that speak to the API server as one user."""

    kubeconfig: Path
    parts: tuple[Part, ...]
    host: str = ""
    """The node events are reported from."""


def start(name: str, identities: Sequence[Identity], process: Process) -> int:
    """Run the parts of a process until a signal; the exit status."""
    log.configure(name, process.log_level.upper(), "json" if process.log_format == "json" else "text")
    health = split_address(process.health_address) if process.health_address else None
    return program.run(lambda: compose(name, identities, health), name)


async def compose(name: str, identities: Sequence[Identity], health: tuple[str, int] | None = None) -> None:
    """Run all parts. One that fails is logged and started again: it must not take the others with it."""
    from steersman.client.events import EventRecorder
    from steersman.client.informer import Informers
    from steersman.client.rest import Client
    from steersman.runtime.backoff import Backoff
    from steersman.runtime.clock import SystemClock
    from steersman.runtime.health import serve_health
    from steersman.runtime.tasks import TaskGroup

    clock = SystemClock()
    restart = Backoff(FIRST_RESTART, 2.0, LONGEST_RESTART)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                Client.from_kubeconfig(str(identity.kubeconfig), user_agent=f"steersman-{name}")
            )
            for identity in identities
        ]
        caches = [Informers(client, clock) for client in clients]
        if health:
            await stack.enter_async_context(serve_health(*health, {"informers": check_synced(caches)}))
        group = await stack.enter_async_context(TaskGroup())
        for identity, client, informers in zip(identities, clients, caches, strict=True):
            for part in identity.parts:
                recorder = EventRecorder(client, part.name, identity.host, clock)
                group.forever(recorder.run, f"{part.name} events", restart=restart)
                group.forever(bind(part, client, informers, recorder, clock), part.name, restart=restart)
            group.forever(informers.run, f"{name} informers", restart=restart)


def bind(
    part: Part, client: Client, informers: Informers, recorder: EventRecorder, clock: Clock
) -> Callable[[], Awaitable[None]]:
    """A part as a function without arguments."""
    return lambda: part.run(client, informers, recorder, clock)


def check_synced(caches: Sequence[Informers]) -> Callable[[], Awaitable[None]]:
    """A health check: every cache has seen the state of the cluster."""

    async def check() -> None:
        if not all(informers.synced for informers in caches):
            raise RuntimeError("not all caches have synced")

    return check


def split_address(address: str) -> tuple[str, int]:
    """Take `host:port` apart; a usage error when it is none."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        raise click.UsageError(f"--health-address {address!r} is not HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def host_name() -> str:
    """This machine's name, as nodes are named after: lower case."""
    return socket.gethostname().lower()
