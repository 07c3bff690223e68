"""Taking a local cluster away: every process, namespace, mount, link, rule, cgroup and file it made.

Works on half-made and half-removed clusters too: what is not there is fine. The order is that of
dependence: processes first (with process 1 of a node go its namespaces and mounts), then the host's share
of the network, cgroups, files.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steersman.bootstrap.errors import BootstrapError
from steersman.bootstrap.local import host, node
from steersman.bootstrap.local.cluster import cluster_lock, forget, machine_lock
from steersman.bootstrap.local.control import SupervisorError
from steersman.bootstrap.local.processes import Identity, end

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.bootstrap.local.cluster import Cluster
    from steersman.bootstrap.local.report import Report

CGROUP_SECONDS = 10.0
"""How long the kernel may take to clear out killed processes."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of `down`."""

    name: str
    title: str
    run: Callable[[Cluster], None]


def end_processes(cluster: Cluster) -> None:
    """Everything under the supervisor and the supervisor; also what a killed supervisor left running."""
    known = cluster.control.last_known()
    try:
        cluster.control.shutdown()
    except SupervisorError:
        for pid, started in reversed(known):
            end(Identity(pid, started), 0.0)
    cluster.control.socket_path.unlink(missing_ok=True)


def remove_network(cluster: Cluster) -> None:
    """Cables, bridge (its routes go with it), NAT."""
    for member in cluster.nodes:
        host.delete_link(node.link_name(cluster, member))
    host.remove_host(cluster)


def remove_cgroups(cluster: Cluster) -> None:
    """Every hierarchy's part. Raises: BootstrapError when processes stay in it."""
    host.remove_cgroups(cluster.cgroup, CGROUP_SECONDS)


def remove_context(cluster: Cluster) -> None:
    """The context in the user's kubeconfig."""
    from steersman.client import kubeconfig

    target = kubeconfig.default_path()
    if target.resolve() == cluster.kubeconfig.resolve() or not target.exists():
        return
    kubeconfig.remove(target, (cluster.context, f"{cluster.context}-admin"))


def remove_data(cluster: Cluster) -> None:
    """The data directory and the register's entry. Raises: BootstrapError while anything is mounted there."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    inside = [mount for mount in mounts if cluster.data_dir in Path(mount).parents]
    if inside:
        raise BootstrapError(f"mounted below {cluster.data_dir}: {', '.join(inside)}", "umount it first")
    if cluster.data_dir.is_dir():
        shutil.rmtree(cluster.data_dir)
    with machine_lock():
        forget(cluster)


def restore_host(_: Cluster) -> None:
    """The host's own settings, when no other cluster runs."""
    with machine_lock():
        host.restore_host()


STEPS: tuple[Step, ...] = (
    Step("processes", "Ending processes", end_processes),
    Step("network", "Removing links, routes and rules", remove_network),
    Step("cgroups", "Removing control groups", remove_cgroups),
    Step("kubeconfig", "Context out of your kubeconfig", remove_context),
    Step("data", "Removing data", remove_data),
    Step("host", "Giving the host its settings back", restore_host),
)


def bring_down(cluster: Cluster, report: Report, *, keep: bool = False) -> None:
    """Run the steps; with `keep` the data directory and the register's entry stay. Raises: BootstrapError."""
    with cluster_lock(cluster.name):
        for step in STEPS:
            if keep and step.name in {"data", "kubeconfig"}:
                continue
            with report.stage(step.name, step.title):
                step.run(cluster)
