"""`steersman status`, `list`, `kubeconfig` and `logs`: looking at local clusters."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from steersman.bootstrap.errors import BootstrapError
from steersman.bootstrap.local import cluster as local
from steersman.bootstrap.local.control import SupervisorError
from steersman.cli.options import name_option, output_option, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.bootstrap.local.cluster import Cluster

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@click.command()
@name_option
@output_option
def status(name: str, output: str) -> None:
    """Show a cluster's processes and nodes. Exit status 3 when it does not run as it should."""
    found = local.find(name)
    document = describe(found)
    if output == "json":
        print_json(document)
    else:
        click.echo(f"Cluster {found.name}: {document['state']}, {found.server}, data in {found.data_dir}\n")
        rows = [
            (p["name"], p["state"], p["pid"] or "-", f"{p['rssMiB']:.0f} MiB", p["restarts"], p["log"])
            for p in document["processes"]
        ]
        print_table(("PROCESS", "STATE", "PID", "MEMORY", "RESTARTS", "LOG"), rows)
    raise SystemExit(0 if document["state"] == "running" else 3)


def describe(cluster: Cluster) -> dict[str, Any]:
    """A cluster for programs: what should run and what does."""
    try:
        processes = cluster.control.status()
        supervisor = cluster.control.supervisor_pid()
    except SupervisorError:
        processes, supervisor = [], 0
    entries = [
        {
            "name": process.name,
            "state": "running" if process.pid else process.trouble or "stopped",
            "wanted": process.wanted,
            "pid": process.pid,
            "restarts": process.restarts,
            "rssMiB": resident_mib(process.pid),
            "log": process.log,
        }
        for process in processes
    ]
    if supervisor:
        entries.append(
            {
                "name": "supervisor",
                "state": "running",
                "wanted": True,
                "pid": supervisor,
                "restarts": 0,
                "rssMiB": resident_mib(supervisor),
                "log": str(cluster.log("supervisor")),
            }
        )
    healthy = all(entry["pid"] for entry in entries if entry["wanted"])
    state = ("running" if healthy else "degraded") if supervisor else "stopped"
    nodes = [
        {"name": n.name, "address": n.address, "stopped": n.name in cluster.stopped} for n in cluster.nodes
    ]
    return {
        "name": cluster.name,
        "state": state,
        "server": cluster.server,
        "dataDir": str(cluster.data_dir),
        "store": cluster.store,
        "kubeconfig": str(cluster.kubeconfig),
        "nodes": nodes,
        "processes": entries,
    }


def resident_mib(pid: int) -> float:
    """Resident memory of a process, MiB; 0 when it does not run."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 2**20
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


@click.command("list")
@output_option
def list_clusters(output: str) -> None:
    """List the clusters of this machine."""
    documents = [describe(cluster) for cluster in local.clusters()]
    if output == "json":
        print_json(documents)
        return
    rows = [(d["name"], d["state"], len(d["nodes"]), d["server"], d["dataDir"]) for d in documents]
    print_table(("NAME", "STATE", "NODES", "SERVER", "DATA"), rows)


@click.command()
@name_option
@click.option("--path", is_flag=True, help="Print where the file is instead of the file.")
def kubeconfig(name: str, path: bool) -> None:
    """Print the admin kubeconfig of a cluster.

    \b
    Example:
      export KUBECONFIG=$(steersman kubeconfig --path)
    """
    file = local.find(name).kubeconfig
    if not file.exists():
        raise BootstrapError(f"{file} does not exist", f"steersman up --name {name}")
    click.echo(str(file) if path else file.read_text(), nl=path)


@click.command()
@name_option
@click.argument("process", required=False)
@click.option("--follow", "-f", is_flag=True, help="Keep printing what is added.")
@click.option("--tail", default=50, show_default=True, help="Lines to begin with.")
def logs(name: str, process: str | None, follow: bool, tail: int) -> None:
    """Show what PROCESS logged (a name of `steersman status`), or all of them."""
    found = local.find(name)
    known = sorted((found.data_dir / "logs").glob("*.log"))
    files = [found.log(process)] if process else known
    if not files or not all(file.exists() for file in files):
        names = ", ".join(file.stem for file in known)
        raise BootstrapError(f"nothing was logged by {process or 'this cluster'}", f"there is: {names}")
    argv = ["tail", f"--lines={tail}", *(["--follow=name"] if follow else []), *map(str, files)]
    raise SystemExit(subprocess.run(argv, check=False).returncode)


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print columns as wide as they need to be, as kubectl does."""
    cells = [list(map(str, row)) for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for row in cells:
        click.echo("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
