"""`steersman load`."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import click

from steersman.bootstrap.errors import BootstrapError
from steersman.cli.options import FILE, name_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("archive", type=FILE)
@name_option
@click.option("--node", "only", multiple=True, help="Only into this node (may be repeated).")
def load(archive: Path, name: str, only: tuple[str, ...]) -> None:
    """Import ARCHIVE (an image archive of `docker save` or in OCI layout) into the nodes of a cluster.

    \b
    Example:
      docker save my-app:1.0 -o my-app.tar && steersman load my-app.tar
    """
    from steersman.bootstrap.local import cluster as local
    from steersman.bootstrap.local.images import load_archives

    if not tarfile.is_tarfile(archive):
        raise BootstrapError(
            f"{archive} is not a tar archive", "make one with `docker save` or `podman save`"
        )
    found = local.find(name)
    chosen = [found.node(node) for node in only] or [n for n in found.nodes if n.name not in found.stopped]
    for node in chosen:
        load_archives(found, node, [archive.absolute()])
        click.echo(f"{archive.name} imported into {node.name}", err=True)
