"""`steersman agent`: everything a node needs, in one process over one client and one set of informers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from steersman.cli.component import Identity, Part, start
from steersman.cli.kubelet import kubelet_part, node_options
from steersman.cli.options import component_options

if TYPE_CHECKING:
    from pathlib import Path

    from steersman.cli.options import Process


def network_part(data_dir: Path, node_name: str, pod_network: str) -> Part:
    """The network of a node."""
    from steersman.network import NetworkConfig, run

    directory = data_dir / "nodes" / node_name / "cni"
    config = NetworkConfig(
        node_name,
        cni_conf_dir=str(directory / "net.d"),
        cni_state_dir="/var/lib/cni/networks",
        cluster_cidr=pod_network,
    )
    return Part("network", lambda *shared: run(config, *shared))


@click.command()
@node_options
@click.option("--pod-network", default="10.244.0.0/16", show_default=True, help="Addresses of all pods.")
@component_options
def agent(
    data_dir: Path,
    node_name: str,
    node_ip: str,
    cgroup_root: str,
    cri_socket: str,
    pod_network: str,
    process: Process,
) -> None:
    """Run one node: kubelet, proxy, network and DNS in one process (needs root and a container runtime)."""
    from steersman.cli.dns import dns_part
    from steersman.cli.proxy import proxy_part

    data_dir = data_dir.absolute()
    parts = (
        network_part(data_dir, node_name, pod_network),
        kubelet_part(data_dir, node_name, node_ip, cgroup_root, cri_socket),
        proxy_part(node_name, pod_network),
        dns_part(pod_network),
    )
    kubeconfig = data_dir / "nodes" / node_name / "kubelet.kubeconfig"
    raise SystemExit(start("agent", (Identity(kubeconfig, parts, node_name),), process))
