"""`steersman down`."""

from __future__ import annotations

import click

from steersman.cli.options import name_option, output_option, print_json


@click.command()
@name_option
@click.option(
    "--keep-data", is_flag=True, help="Keep objects, keys and images, so that `up` continues with them."
)
@output_option
def down(name: str, keep_data: bool, output: str) -> None:
    """End a cluster and remove every process, namespace, mount, link, rule, cgroup and file it made."""
    from steersman.bootstrap.local import cluster
    from steersman.bootstrap.local.down import bring_down
    from steersman.bootstrap.local.report import Report

    present = cluster.find_or_none(name)
    report = Report(quiet=output == "json")
    if present is None:
        report.say(f"There is no cluster {name}: nothing to do")
    else:
        report.say(f"Cluster {name}")
        bring_down(present, report, keep=keep_data)
    if output == "json":
        print_json({"name": name, "existed": present is not None, "dataKept": keep_data})
