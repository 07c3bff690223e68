"""`steersman server`: the control plane in the foreground."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import click

from steersman.cli.options import DIRECTORY, log_options

if TYPE_CHECKING:
    from pathlib import Path

STOP_SECONDS = 15.0


@click.command()
@click.option("--data-dir", type=DIRECTORY, required=True, help="Where keys and objects are kept.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=6443, show_default=True, help="Port to listen on."
)
@click.option(
    "--bind-address", default="127.0.0.1", show_default=True, help="Addresses, separated by commas."
)
@click.option(
    "--advertise-address", default="", help="Where pods find it.  [default: the first bind address]"
)
@click.option(
    "--pod-network", default="10.244.0.0/16", show_default=True, help="Nodes get their pod CIDRs from it."
)
@log_options
def server(
    data_dir: Path,
    port: int,
    bind_address: str,
    advertise_address: str,
    pod_network: str,
    log_level: str,
    log_format: str,
) -> None:
    """Run a control plane: the API server, and the controllers with the scheduler, in two processes.

    Ends when either ends; SIGTERM and Ctrl-C end both.
    """
    from steersman.bootstrap import kubeconfigs, pki

    data_dir = data_dir.absolute()
    keys = pki.ensure_pki(data_dir)
    kubeconfigs.ensure_control_plane(data_dir, keys, f"https://127.0.0.1:{port}")
    logging = ["--log-level", log_level, "--log-format", log_format]
    api = ["apiserver", "--data-dir", str(data_dir), "--port", str(port), "--bind-address", bind_address]
    api += ["--advertise-address", advertise_address]
    manager = ["controller-manager", "--kubeconfig", str(data_dir / "controller-manager.kubeconfig")]
    manager += ["--with-scheduler", str(data_dir / "scheduler.kubeconfig"), "--data-dir", str(data_dir)]
    manager += ["--pod-network", pod_network]
    raise SystemExit(run_together([[*command, *logging] for command in (api, manager)]))


def run_together(commands: list[list[str]]) -> int:
    """Run `steersman` commands until one ends or a signal comes; then end all. The exit status."""
    awaited = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
    # Blocked, so that a signal between two looks is not lost; children start with a clean mask.
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "steersman", *command],
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, awaited),
        )
        for command in commands
    ]
    received = signal.SIGCHLD
    while received == signal.SIGCHLD and all(process.poll() is None for process in running):
        received = signal.Signals(signal.sigwait(awaited))
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    return 1 if received == signal.SIGCHLD else 0
