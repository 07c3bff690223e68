"""`steersman controller-manager`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from steersman.cli.component import Identity, Part, start
from steersman.cli.options import DIRECTORY, FILE, component_options, kubeconfig_option

if TYPE_CHECKING:
    from pathlib import Path

    from steersman.cli.options import Process


def controllers_part(data_dir: Path | None, pod_network: str, only: tuple[str, ...]) -> Part:
    """The controllers; without the directory of the cluster's keys nothing is signed."""
    from steersman.controllers import ControllerManagerConfig, run

    networks = tuple(part for part in pod_network.split(",") if part)
    keys = data_dir / "pki" if data_dir else None
    config = ControllerManagerConfig(
        controllers=only or ("*",),
        cluster_cidrs=networks,
        root_ca=(keys / "ca.crt").read_bytes() if keys else b"",
        service_account_key_file=str(keys / "sa.key") if keys else "",
        signing_cert_file=str(keys / "ca.crt") if keys else "",
        signing_key_file=str(keys / "ca.key") if keys else "",
    )
    return Part("kube-controller-manager", lambda *shared: run(config, *shared))


@click.command("controller-manager")
@kubeconfig_option
@click.option(
    "--data-dir", type=DIRECTORY, help="Where the cluster's keys are (for the root CA in every namespace)."
)
@click.option(
    "--pod-network", default="10.244.0.0/16", show_default=True, help="Nodes get their pod CIDRs from it."
)
@click.option(
    "--controllers", multiple=True, help="NAME runs also that one, -NAME not that one, * all the others."
)
@click.option("--with-scheduler", type=FILE, help="Run the scheduler too, with this kubeconfig.")
@component_options
def controller_manager(
    kubeconfig: Path,
    data_dir: Path | None,
    pod_network: str,
    controllers: tuple[str, ...],
    with_scheduler: Path | None,
    process: Process,
) -> None:
    """Run the controllers, and the scheduler in the same process when asked to."""
    identities = [Identity(kubeconfig, (controllers_part(data_dir, pod_network, controllers),))]
    if with_scheduler:
        from steersman.cli.scheduler import scheduler_part

        identities.append(Identity(with_scheduler, (scheduler_part(),)))
    raise SystemExit(start("controllers", identities, process))
