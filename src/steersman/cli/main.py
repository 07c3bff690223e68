"""The tree of commands.

`COMMANDS` is the whole of it, in the order help shows it. A command's module is imported only when that
command runs: a daemon must not carry what it does not use, and `steersman --help` must be quick.
"""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass

import click

from steersman.bootstrap.errors import BootstrapError


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one command lives."""

    section: str
    name: str
    target: str
    """`module:attribute` below `steersman.cli`."""
    help: str


ADMIN_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")

CLUSTER = "A cluster on this machine"
COMPONENTS = "One component, in the foreground"
DATA = "Data"

COMMANDS: tuple[Entry, ...] = (
    Entry(CLUSTER, "up", "up:up", "Start a cluster, or finish and mend one (idempotent)."),
    Entry(CLUSTER, "down", "down:down", "Remove a cluster and every trace of it."),
    Entry(CLUSTER, "status", "status:status", "Show a cluster's processes and nodes."),
    Entry(CLUSTER, "list", "status:list_clusters", "List the clusters of this machine."),
    Entry(CLUSTER, "kubeconfig", "status:kubeconfig", "Print a cluster's admin kubeconfig, or its path."),
    Entry(CLUSTER, "load", "load:load", "Import an image archive into a cluster's nodes."),
    Entry(CLUSTER, "node", "node:node", "Stop, start, add and remove nodes."),
    Entry(CLUSTER, "logs", "status:logs", "Show what a cluster's processes logged."),
    Entry(
        CLUSTER, "preflight", "preflight:preflight", "Say what this machine lacks; install it with --install."
    ),
    Entry(DATA, "snapshot", "snapshot:snapshot", "Save, restore and list snapshots of a cluster's objects."),
    Entry(COMPONENTS, "apiserver", "apiserver:apiserver", "The API server; needs no root."),
    Entry(COMPONENTS, "controller-manager", "controllers:controller_manager", "The controllers."),
    Entry(COMPONENTS, "scheduler", "scheduler:scheduler", "The scheduler."),
    Entry(COMPONENTS, "server", "server:server", "API server, controllers and scheduler in two processes."),
    Entry(COMPONENTS, "kubelet", "kubelet:kubelet", "The kubelet of one node."),
    Entry(COMPONENTS, "proxy", "proxy:proxy", "The service proxy of one node."),
    Entry(COMPONENTS, "dns", "dns:dns", "The DNS server of one node."),
    Entry(COMPONENTS, "agent", "agent:agent", "Kubelet, proxy, network and DNS of one node in one process."),
)


class Tree(click.Group):
    """A group whose commands are loaded on use and listed by section."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of `COMMANDS`."""
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        for entry in COMMANDS:
            if entry.name == cmd_name:
                module, _, attribute = entry.target.partition(":")
                command = getattr(importlib.import_module(f"steersman.cli.{module}"), attribute)
                return command if isinstance(command, click.Command) else None
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without loading anything."""
        for section in dict.fromkeys(entry.section for entry in COMMANDS):
            with formatter.section(section):
                rows = [(entry.name, entry.help) for entry in COMMANDS if entry.section == section]
                formatter.write_dl(rows)


@click.command(cls=Tree, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="steersman")
def steersman() -> None:
    """Kubernetes, in Python: a cluster on this machine, or any one of its components.

    \b
    Begin with:
      steersman up --demo          a cluster of one node with a demo application
      steersman status             what runs
      steersman down               nothing of it is left
    """


def extend_path() -> None:
    """Find administrators' programs (`ip`, `nft`) also where `su` leaves their directories out."""
    known = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join([*known, *(d for d in ADMIN_DIRECTORIES if d not in known)])


def main() -> None:
    """Run the command line; known failures become two lines and exit status 1."""
    extend_path()
    try:
        steersman(prog_name="steersman")
    except BootstrapError as error:
        click.echo(f"steersman: {error}", err=True)
        if error.hint:
            click.echo(f"  what to do: {error.hint}", err=True)
        sys.exit(1)
