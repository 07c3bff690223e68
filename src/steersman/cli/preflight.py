"""`steersman preflight`."""

from __future__ import annotations

import os
import shutil

import click


@click.command()
@click.option("--install", is_flag=True, help="Install missing Debian packages (needs root).")
@click.option("--quiet", is_flag=True, help="Say only what is wrong, and succeed without root all the same.")
@click.option(
    "--store",
    type=click.Choice(["sqlite", "etcd"]),
    default="sqlite",
    show_default=True,
    help="What the cluster is to keep its objects in.",
)
def preflight(install: bool, quiet: bool, store: str) -> None:
    """Say what this machine lacks for a local cluster."""
    from steersman.bootstrap.local import preflight as checks

    missing = checks.missing_packages(store)
    if missing and install and (os.geteuid() == 0 or not quiet):
        click.echo(f"installing {' '.join(missing)}", err=True)
        checks.install(missing, store)
        missing = []
    if missing:
        click.echo(f"not installed: {' '.join(missing)}\n  apt-get install -y {' '.join(missing)}", err=True)
    if shutil.which("kubectl") is None:
        click.echo(
            "kubectl is not installed: `steersman up` works without, the end-to-end tests do not", err=True
        )
        click.echo("  https://kubernetes.io/docs/tasks/tools/install-kubectl-linux/", err=True)
    if not missing and not quiet:
        click.echo("nothing is missing", err=True)
    raise SystemExit(1 if missing and not quiet else 0)
