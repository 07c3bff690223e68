"""All controllers of a cluster in one process: make those that are switched on, run them until cancelled."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steersman.controllers.runtime import Context, Controller
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.client import Client, EventRecorder, Informers
    from steersman.controllers.config import ControllerManagerConfig
    from steersman.runtime.clock import Clock

__all__ = ["enabled", "run_all"]

log = logging.getLogger("steersman.controllers")


def enabled(name: str, wanted: Iterable[str]) -> bool:
    """Whether a controller is switched on by `*`, `name`, `-name`; the most particular word counts."""
    words = set(wanted)
    return name in words or ("*" in words and f"-{name}" not in words)


async def run_all(
    controllers: Iterable[type[Controller]],
    config: ControllerManagerConfig,
    client: Client,
    informers: Informers,
    recorder: EventRecorder,
    clock: Clock,
) -> None:
    """Run the controllers. The caller runs `informers` and `recorder`. Raises: ValueError for an unknown
    name."""
    known = tuple(controllers)
    names = {each.name for each in known} | {"*"}
    for word in config.controllers:
        if word.removeprefix("-") not in names:
            raise ValueError(f"there is no controller {word.removeprefix('-')!r}")
    context = Context(client, informers, recorder, clock, config)
    chosen = [each(context) for each in known if enabled(each.name, config.controllers)]
    log.info("starting %d controllers", len(chosen))
    async with TaskGroup() as group:
        for controller in chosen:
            group.forever(controller.run, controller.name)
