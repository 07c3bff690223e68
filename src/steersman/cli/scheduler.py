"""`steersman scheduler`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from steersman.cli.component import Identity, Part, start
from steersman.cli.options import component_options, kubeconfig_option

if TYPE_CHECKING:
    from pathlib import Path

    from steersman.cli.options import Process


def scheduler_part() -> Part:
    """The scheduler with its default settings."""
    from steersman.scheduler import SchedulerConfig, run

    config = SchedulerConfig()
    return Part(config.scheduler_name, lambda *shared: run(config, *shared))


@click.command()
@kubeconfig_option
@component_options
def scheduler(kubeconfig: Path, process: Process) -> None:
    """Run the scheduler alone."""
    identity = Identity(kubeconfig, (scheduler_part(),))
    raise SystemExit(start("scheduler", (identity,), process))
