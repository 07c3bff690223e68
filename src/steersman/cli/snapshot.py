"""`steersman snapshot`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steersman.cli.options import DIRECTORY, FILE, name_option, output_option, print_json
from steersman.cli.status import print_table

if TYPE_CHECKING:
    from steersman.bootstrap.local.cluster import Cluster
    from steersman.bootstrap.snapshots import Snapshot

data_dir_option = click.option(
    "--data-dir", type=DIRECTORY, help="Of an API server on SQLite alone.  [default: the cluster's]"
)


@click.group()
def snapshot() -> None:
    """Save and restore the objects of a cluster."""


def find(name: str, data_dir: Path | None) -> Cluster | Path:
    """The cluster meant, or the data directory of an API server alone. Raises: BootstrapError."""
    from steersman.bootstrap.local import cluster

    if data_dir is None:
        return cluster.find(name)
    return cluster.load(data_dir.absolute()) or data_dir.absolute()


def describe(found: Snapshot) -> dict[str, object]:
    """For programs."""
    return {
        "path": str(found.path),
        "bytes": found.bytes,
        "saved": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.saved)),
        "revision": found.revision,
        "keys": found.keys,
    }


@snapshot.command()
@click.argument("file", type=click.Path(dir_okay=False), required=False)
@name_option
@data_dir_option
@output_option
def save(file: str | None, name: str, data_dir: Path | None, output: str) -> None:
    """Save to FILE, or to a new one below the data directory. The server may run."""
    from steersman.bootstrap import snapshots
    from steersman.bootstrap.local import snapshots as local

    origin, target = find(name, data_dir), Path(file).absolute() if file else None
    made = snapshots.save(origin, target) if isinstance(origin, Path) else local.save(origin, target)
    if output == "json":
        print_json(describe(made))
    else:
        objects = "" if made.keys is None else f"{made.keys} objects, "
        click.echo(f"{made.path}: {objects}revision {made.revision}, {made.bytes} bytes")


@snapshot.command()
@click.argument("file", type=FILE)
@name_option
@data_dir_option
def restore(file: Path, name: str, data_dir: Path | None) -> None:
    """Put the objects of FILE in the place of the present ones, which are kept beside them.

    Everything of a local cluster that holds objects in memory is started anew; containers go on and are
    brought in line with the restored objects. An API server alone must be stopped first.
    """
    from steersman.bootstrap import snapshots
    from steersman.bootstrap.local import snapshots as local

    into, source = find(name, data_dir), file.absolute()
    before = snapshots.restore(into, source) if isinstance(into, Path) else local.restore(into, source)
    click.echo(f"restored {source}" + (f"; what was there before is in {before}" if before else ""), err=True)


@snapshot.command("list")
@name_option
@data_dir_option
@output_option
def list_snapshots(name: str, data_dir: Path | None, output: str) -> None:
    """List the snapshots below the data directory."""
    from steersman.bootstrap import snapshots
    from steersman.bootstrap.local import snapshots as local

    origin = find(name, data_dir)
    saved = snapshots.saved(origin) if isinstance(origin, Path) else local.saved(origin)
    found = [describe(each) for each in saved]
    if output == "json":
        print_json(found)
        return
    print_table(
        ("SAVED", "REVISION", "OBJECTS", "BYTES", "FILE"),
        [(s["saved"], s["revision"], s["keys"] or "-", s["bytes"], s["path"]) for s in found],
    )
