"""Options that several commands have, and the values they take."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Duration(click.ParamType[float]):
    """`90`, `90s`, `1m30s`, `500ms`: seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse; a usage error otherwise."""
        if isinstance(value, int | float):
            return float(value)
        text = str(value)
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return float(text)
        if not re.fullmatch(r"(\d+(\.\d+)?(ms|s|m|h))+", text):
            self.fail(f"{text!r} is no duration; write 90s or 2m", param, ctx)
        parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
        return float(sum(float(number) * SECONDS[unit] for number, unit in parts))


DIRECTORY = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

name_option = click.option(
    "--name",
    default="default",
    show_default=True,
    envvar="STEERSMAN_CLUSTER",
    show_envvar=True,
    help="The cluster's name.",
)
output_option = click.option(
    "--output", "-o", type=click.Choice(["text", "json"]), default="text", show_default=True, help="For whom."
)
kubeconfig_option = click.option(
    "--kubeconfig", type=FILE, required=True, help="Where the API server is and who we are."
)


def log_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--log-level` and `--log-format`, for components."""
    command = click.option(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"]),
        default="info",
        show_default=True,
        envvar="STEERSMAN_LOG_LEVEL",
        help="Least severity that is logged.",
    )(command)
    return click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="One line each.",
    )(command)


@dataclass(frozen=True, slots=True)
class Process:
    """What every component's process is told besides its own matter."""

    log_level: str
    log_format: str
    health_address: str = ""
    """`host:port` of /healthz, /livez, /readyz and /metrics; "" serves none."""


def component_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--log-level`, `--log-format` and `--health-address`, handed over as one argument `process`."""

    @functools.wraps(command)
    def collected(*, log_level: str, log_format: str, health_address: str, **given: Any) -> None:
        command(process=Process(log_level, log_format, health_address), **given)

    serve = click.option(
        "--health-address",
        default="",
        metavar="HOST:PORT",
        help="Where to serve /healthz, /livez, /readyz and /metrics.  [default: nowhere]",
    )
    return log_options(serve(collected))


def print_json(document: Any) -> None:
    """Write a JSON document to standard output."""
    click.echo(json.dumps(document, indent=2))
