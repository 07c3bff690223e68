"""Running components: the parts of a process share one client and one set of informers."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.runtime import log, program

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

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


def start(name: str, identities: Sequence[Identity], level: str, log_format: str) -> int:
    """Run the parts of a process until a signal; the exit status."""
    log.configure(name, level.upper(), "json" if log_format == "json" else "text")
    return program.run(lambda: compose(name, identities), name)


async def compose(name: str, identities: Sequence[Identity]) -> None:
    """Run all parts. One that fails is logged and started again: it must not take the others with it."""
    from steersman.client.events import EventRecorder
    from steersman.client.informer import Informers
    from steersman.client.rest import Client
    from steersman.runtime.backoff import Backoff
    from steersman.runtime.clock import SystemClock
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
        group = await stack.enter_async_context(TaskGroup())
        for identity, client in zip(identities, clients, strict=True):
            informers = Informers(client, clock)
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


def host_name() -> str:
    """This machine's name, as nodes are named after: lower case."""
    return socket.gethostname().lower()
