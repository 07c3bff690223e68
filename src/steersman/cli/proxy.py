"""`steersman proxy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from steersman.cli.component import Identity, Part, host_name, start
from steersman.cli.options import component_options, kubeconfig_option

if TYPE_CHECKING:
    from pathlib import Path

    from steersman.cli.options import Process


def proxy_part(node_name: str, pod_network: str) -> Part:
    """The service proxy of a node."""
    from steersman.proxy import ProxyConfig, run

    config = ProxyConfig(node_name, cluster_cidr=pod_network)
    return Part("kube-proxy", lambda *shared: run(config, *shared))


@click.command()
@kubeconfig_option
@click.option("--node-name", default=host_name, help="The Node this is.  [default: the host's name]")
@click.option("--pod-network", default="10.244.0.0/16", show_default=True, help="Addresses of all pods.")
@component_options
def proxy(kubeconfig: Path, node_name: str, pod_network: str, process: Process) -> None:
    """Run the service proxy of one node (nftables; needs root)."""
    identity = Identity(kubeconfig, (proxy_part(node_name, pod_network),), node_name)
    raise SystemExit(start("proxy", (identity,), process))
