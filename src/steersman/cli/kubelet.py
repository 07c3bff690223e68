"""`steersman kubelet`, and the options it shares with `steersman agent`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from steersman.cli.component import Identity, Part, host_name, start
from steersman.cli.options import DIRECTORY, component_options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from steersman.cli.options import Process

CONTAINERD = "/run/containerd/containerd.sock"


def node_options(command: Callable[..., None]) -> Callable[..., None]:
    """What a node is and where its things are."""
    for option in (
        click.option(
            "--cri-socket", default=CONTAINERD, show_default=True, help="The container runtime's socket."
        ),
        click.option(
            "--cgroup-root", default="/steersman", show_default=True, help="Parent of the pods' cgroups."
        ),
        click.option(
            "--node-ip", default="", help="The node's address.  [default: that of the default route]"
        ),
        click.option("--node-name", default=host_name, help="The node's name.  [default: the host's]"),
        click.option(
            "--data-dir",
            type=DIRECTORY,
            required=True,
            help="The cluster's directory; DATA_DIR/nodes/NODE/kubelet.kubeconfig is used.",
        ),
    ):
        command = option(command)
    return command


def kubelet_part(data_dir: Path, node_name: str, node_ip: str, cgroup_root: str, cri_socket: str) -> Part:
    """The kubelet of a node."""
    from steersman.kubelet.run import KubeletConfig, run

    directory = data_dir / "nodes" / node_name
    config = KubeletConfig(
        node_name=node_name,
        root_dir=str(directory / "kubelet"),
        cri_socket=cri_socket,
        node_ips=(node_ip,) if node_ip else (),
        cert_file=str(directory / "pki" / "kubelet.crt"),
        key_file=str(directory / "pki" / "kubelet.key"),
        client_ca_file=str(data_dir / "pki" / "ca.crt"),
        cgroup_root=cgroup_root,
        static_pods=str(directory / "manifests"),
    )
    return Part("kubelet", lambda *shared: run(config, *shared))


@click.command()
@node_options
@component_options
def kubelet(
    data_dir: Path,
    node_name: str,
    node_ip: str,
    cgroup_root: str,
    cri_socket: str,
    process: Process,
) -> None:
    """Run the kubelet of one node (needs root and a container runtime)."""
    part = kubelet_part(data_dir.absolute(), node_name, node_ip, cgroup_root, cri_socket)
    kubeconfig = data_dir.absolute() / "nodes" / node_name / "kubelet.kubeconfig"
    raise SystemExit(start("kubelet", (Identity(kubeconfig, (part,), node_name),), process))
