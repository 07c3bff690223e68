"""Putting a snapshot into a local cluster: everything that remembers the later state is started anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.bootstrap import snapshots
from steersman.bootstrap.local.cluster import cluster_lock

if TYPE_CHECKING:
    from pathlib import Path

    from steersman.bootstrap.local.cluster import Cluster


def restore(cluster: Cluster, source: Path) -> Path | None:
    """Restore a snapshot; containers keep running and are reconciled with it. Raises: BootstrapError.

    Gives where the state before was moved to.
    """
    snapshots.inspect(source)
    control = cluster.control
    with cluster_lock(cluster.name):
        known = control.request("status")["processes"] if control.is_running() else []
        # API clients remember the revision they saw last, which the restored state may not have reached.
        restarted = [
            p for p in known if p["wanted"] and not p["spec"]["name"].endswith(("/init", "/containerd"))
        ]
        for process in reversed(restarted):
            control.stop(process["spec"]["name"])
        try:
            return snapshots.restore(cluster.data_dir, source)
        finally:
            for process in restarted:
                control.request("start", spec=process["spec"])
