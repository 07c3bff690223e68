"""Snapshots of a cluster on etcd, by etcd's own tools: its files are theirs, and theirs are ours.

`etcdctl` (Debian's `etcd-client`) saves; the same or, where there is one, `etcdutl` looks into files and
unpacks them.
"""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING

from steersman.bootstrap.errors import BootstrapError
from steersman.bootstrap.local import etcd
from steersman.bootstrap.local.commands import run
from steersman.bootstrap.snapshots import Snapshot, new_target

if TYPE_CHECKING:
    from pathlib import Path

    from steersman.bootstrap.local.cluster import Cluster

PACKAGE = "etcd-client"


def tool(name: str = "etcdctl") -> list[str]:
    """The command to start with. Raises: BootstrapError when it is not installed."""
    if shutil.which(name) is None:
        raise BootstrapError(f"{name} is not installed", f"apt-get install -y {PACKAGE}")
    return ["env", "ETCDCTL_API=3", name]


def file_tool() -> list[str]:
    """The command that works on files: `etcdutl`, or `etcdctl` before there was one."""
    return tool("etcdutl" if shutil.which("etcdutl") else "etcdctl")


def save(cluster: Cluster, target: Path | None = None) -> Snapshot:
    """Have the member write its state to `target` or a new file. Raises: BootstrapError."""
    argv = tool()
    control = cluster.control
    if not control.is_running() or not any(p.name == etcd.PROCESS and p.pid for p in control.status()):
        raise BootstrapError(f"the store of cluster {cluster.name} does not run", "steersman up")
    target = new_target(cluster.data_dir, target)
    keys = cluster.data_dir / "pki"
    argv += ["--endpoints", etcd.endpoint(cluster), "--cacert", str(keys / f"{etcd.CA}.crt")]
    argv += ["--cert", str(keys / f"{etcd.CLIENT.name}.crt"), "--key", str(keys / f"{etcd.CLIENT.name}.key")]
    fresh = target.with_name(f".{target.name}.part")
    fresh.unlink(missing_ok=True)
    try:
        run([*argv, "snapshot", "save", str(fresh)])
        found = inspect(fresh)
        fresh.chmod(0o600)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return Snapshot(target, found.bytes, found.saved, found.revision, found.keys)


def inspect(path: Path) -> Snapshot:
    """Describe a snapshot. Raises: BootstrapError when it is none."""
    argv = file_tool()
    try:
        status = json.loads(run([*argv, "snapshot", "status", str(path), "--write-out", "json"]))
    except (BootstrapError, ValueError) as error:
        raise BootstrapError(f"{path} is not a snapshot of etcd: {reason(error)}") from error
    stat = path.stat()
    # etcd tells how many entries the file has, past versions and its own included: not how many objects.
    return Snapshot(path, stat.st_size, stat.st_mtime, int(status["revision"]), None)


def unpack(cluster: Cluster, source: Path) -> Path:
    """Make a data directory for the member out of a snapshot, beside the present one.

    Raises: BootstrapError when the snapshot is damaged.
    """
    inspect(source)
    fresh = cluster.data_dir / ".etcd.new"
    shutil.rmtree(fresh, ignore_errors=True)
    options = etcd.member_options(cluster) | {"--data-dir": str(fresh)}
    words = [f"{name}={value}" for name, value in options.items()]
    try:
        run([*file_tool(), "snapshot", "restore", str(source), *words])
    except BootstrapError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        told = f"{source} cannot be restored: {reason(error)}"
        raise BootstrapError(told, "use another snapshot") from error
    return fresh


def reason(error: Exception) -> str:
    """What a tool gave as its reason, without its log."""
    return str(error).strip().splitlines()[-1].rpartition("Error: ")[2]


def put_in_place(cluster: Cluster, fresh: Path) -> Path | None:
    """Exchange the directory of a member that does not run; give where the present one went."""
    present, before = etcd.data_dir(cluster), None
    if present.exists():
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        before = present.rename(present.with_name(f"etcd.before-{stamp}"))
    fresh.rename(present)
    return before
