"""`steersman scheduler`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from steersman.cli.component import Identity, Part, start
from steersman.cli.options import kubeconfig_option, log_options

if TYPE_CHECKING:
    from pathlib import Path


def scheduler_part() -> Part:
    """The scheduler with its default settings."""
    from steersman.scheduler import SchedulerConfig, run

    config = SchedulerConfig()
    return Part(config.scheduler_name, lambda *shared: run(config, *shared))


@click.command()
@kubeconfig_option
@log_options
def scheduler(kubeconfig: Path, log_level: str, log_format: str) -> None:
    """Run the scheduler alone."""
    identity = Identity(kubeconfig, (scheduler_part(),))
    raise SystemExit(start("scheduler", (identity,), log_level, log_format))
