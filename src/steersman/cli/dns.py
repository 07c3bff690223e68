"""`steersman dns`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from steersman.cli.component import Identity, Part, start
from steersman.cli.options import component_options, kubeconfig_option

if TYPE_CHECKING:
    from pathlib import Path

    from steersman.cli.options import Process

SERVICE_NETWORK = "10.96.0.0/12"


def dns_part(pod_network: str, addresses: tuple[str, ...] = ("10.96.0.10",), port: int = 53) -> Part:
    """The DNS server of a node."""
    from steersman.dns import DNSConfig, run

    networks = (SERVICE_NETWORK, *(part for part in pod_network.split(",") if part))
    config = DNSConfig(addresses=addresses, port=port, cidrs=networks)
    return Part("dns", lambda *shared: run(config, *shared))


@click.command()
@kubeconfig_option
@click.option("--address", "addresses", multiple=True, default=("10.96.0.10",), show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=53, show_default=True, help="UDP and TCP.")
@click.option("--pod-network", default="10.244.0.0/16", show_default=True, help="Addresses of all pods.")
@component_options
def dns(kubeconfig: Path, addresses: tuple[str, ...], port: int, pod_network: str, process: Process) -> None:
    """Run the DNS server of one node."""
    identity = Identity(kubeconfig, (dns_part(pod_network, addresses, port),))
    raise SystemExit(start("dns", (identity,), process))
