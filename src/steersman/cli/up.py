"""`steersman up`."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steersman.bootstrap.local.cluster import DEFAULT_NAME
from steersman.cli.options import DIRECTORY, Duration, name_option, output_option, print_json

if TYPE_CHECKING:
    from steersman.bootstrap.local.up import Up


@click.command()
@name_option
@click.option("--nodes", type=click.IntRange(1, 200), help="How many nodes.  [default: 1, or what is there]")
@click.option(
    "--data-dir", type=DIRECTORY, help="Where everything is kept.  [default: /var/lib/steersman/NAME]"
)
@click.option(
    "--store", type=click.Choice(["sqlite", "etcd"]), help="What keeps the objects.  [default: sqlite]"
)
@click.option("--port", type=click.IntRange(1, 65535), help="The API server's port.  [default: 6443 or next]")
@click.option("--wait", type=Duration(), default="120s", show_default=True, help="How long to wait for it.")
@click.option("--demo", is_flag=True, help="Deploy a demo application and wait until it answers.")
@output_option
def up(
    name: str,
    nodes: int | None,
    data_dir: Path | None,
    store: str | None,
    port: int | None,
    wait: float,
    demo: bool,
    output: str,
) -> None:
    """Start a cluster on this machine, or finish and mend one.

    Nothing happens to what is already as it should be: a second run changes nothing. Needs root.

    \b
    Examples:
      steersman up --demo
      steersman up --name big --nodes 3
    """
    import asyncio

    from steersman.bootstrap.local.plan import Wish
    from steersman.bootstrap.local.report import Report
    from steersman.bootstrap.local.up import Up, bring_up

    run = Up(Wish(name, nodes, data_dir, store, port), Report(quiet=output == "json"), wait, demo)
    begin = time.monotonic()
    run.report.say(f"Cluster {name}")
    asyncio.run(bring_up(run))
    seconds = time.monotonic() - begin
    if output == "json":
        print_json(summary(run, seconds))
    else:
        say_what_next(run, seconds)


def summary(run: Up, seconds: float) -> dict[str, object]:
    """The outcome for programs."""
    cluster = run.cluster
    return {
        "name": cluster.name,
        "context": cluster.context,
        "server": cluster.server,
        "kubeconfig": str(cluster.kubeconfig),
        "dataDir": str(cluster.data_dir),
        "store": cluster.store,
        "nodes": [{"name": node.name, "address": node.address} for node in cluster.nodes],
        "changed": run.changed,
        "seconds": round(seconds, 3),
        "stages": [
            {"name": s.name, "seconds": round(s.seconds, 3), "detail": s.detail} for s in run.report.stages
        ],
        "demo": run.demo_url,
    }


def say_what_next(run: Up, seconds: float) -> None:
    """The outcome for people: how long it took, what to type next."""
    from steersman.bootstrap.images import DEMO_IMAGE
    from steersman.bootstrap.local.up import missing_kubectl

    cluster, me = run.cluster, own_name()
    which = "" if cluster.name == DEFAULT_NAME else f" --name {cluster.name}"
    lines = [f"Up in {seconds:.1f} s" if run.changed else f"Everything was up already ({seconds:.1f} s)", ""]
    if run.demo_url:
        lines += ["The demo application answers inside the cluster at", f"  {run.demo_url}", ""]
    lines += [
        "Next:",
        f"  export KUBECONFIG=$({me} kubeconfig --path{which})",
        "  kubectl get nodes,pods,svc -A -o wide",
        f"  kubectl create deployment hello --image={DEMO_IMAGE} --replicas=3",
        f"  {me} status{which}",
        f"  {me} down{which}",
    ]
    if missing_kubectl():
        lines += ["", "kubectl is not installed: https://kubernetes.io/docs/tasks/tools/"]
    for line in lines:
        run.report.say(line)


def own_name() -> str:
    """What to type to run this program again: its name, or its path when the shell would not find it."""
    if shutil.which("steersman"):
        return "steersman"
    program = Path(sys.executable).with_name("steersman")
    here = Path.cwd()
    return str(program.relative_to(here) if program.is_relative_to(here) else program)
