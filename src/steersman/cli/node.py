"""`steersman node`."""

from __future__ import annotations

import asyncio

import click

from steersman.cli.options import Duration, name_option

wait_option = click.option(
    "--wait", type=Duration(), default="60s", show_default=True, help="How long to wait."
)


@click.group()
def node() -> None:
    """Stop, start, add and remove the nodes of a local cluster."""


@node.command()
@click.argument("member", metavar="NODE")
@name_option
def stop(member: str, name: str) -> None:
    """Cut NODE's power: everything on it ends at once."""
    from steersman.bootstrap.local import members

    members.stop(name, member)
    click.echo(f"{member} is off; on again with: steersman node start {member}", err=True)


@node.command()
@click.argument("member", metavar="NODE")
@name_option
@wait_option
def start(member: str, name: str, wait: float) -> None:
    """Switch NODE on again and wait until it is Ready."""
    from steersman.bootstrap.local import members

    asyncio.run(members.start(name, member, wait))
    click.echo(f"{member} is Ready", err=True)


@node.command()
@click.argument("member", metavar="[NODE]", default="")
@name_option
@wait_option
def add(member: str, name: str, wait: float) -> None:
    """Add a node and wait until it is Ready."""
    from steersman.bootstrap.local import members

    click.echo(asyncio.run(members.add(name, member, wait)))


@node.command()
@click.argument("member", metavar="NODE")
@name_option
def rm(member: str, name: str) -> None:
    """Remove NODE with everything on it. Drain it first to move its pods away in peace."""
    from steersman.bootstrap.local import members

    asyncio.run(members.remove(name, member))
    click.echo(f"{member} is gone", err=True)
