"""Snapshots of a local cluster, whatever store it is on; both come as one file.

Restoring starts anew everything that remembers the later state. Containers go on and are brought in line
with the restored objects.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from steersman.bootstrap import snapshots
from steersman.bootstrap.local import etcd, etcd_snapshots
from steersman.bootstrap.local.cluster import cluster_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from steersman.bootstrap.local.cluster import Cluster
    from steersman.bootstrap.snapshots import Snapshot


def save(cluster: Cluster, target: Path | None = None) -> Snapshot:
    """Save the objects, as of one moment, to `target` or a new file. Raises: BootstrapError."""
    if cluster.store == etcd.STORE:
        return etcd_snapshots.save(cluster, target)
    return snapshots.save(cluster.data_dir, target)


def saved(cluster: Cluster) -> list[Snapshot]:
    """The snapshots below the data directory, the oldest first. Raises: BootstrapError."""
    inspect = etcd_snapshots.inspect if cluster.store == etcd.STORE else snapshots.inspect
    return snapshots.saved(cluster.data_dir, inspect)


def restore(cluster: Cluster, source: Path) -> Path | None:
    """Restore a snapshot; give where the state before was moved to. Raises: BootstrapError.

    A file that will not do is found before anything is stopped.
    """
    with cluster_lock(cluster.name):
        if cluster.store == etcd.STORE:
            fresh = etcd_snapshots.unpack(cluster, source)
            with paused(cluster):
                return etcd_snapshots.put_in_place(cluster, fresh)
        snapshots.inspect(source)
        with paused(cluster):
            return snapshots.restore(cluster.data_dir, source)


@contextmanager
def paused(cluster: Cluster) -> Iterator[None]:
    """Stop whatever keeps objects, in memory or for good, and start it again afterwards."""
    control = cluster.control
    known = control.request("status")["processes"] if control.is_running() else []
    # API clients remember the revision they saw last, which the restored state may not have reached.
    affected = [p for p in known if p["wanted"] and not p["spec"]["name"].endswith(("/init", "/containerd"))]
    for process in reversed(affected):
        control.stop(process["spec"]["name"])
    try:
        yield
    finally:
        for process in affected:
            control.request("start", spec=process["spec"])
