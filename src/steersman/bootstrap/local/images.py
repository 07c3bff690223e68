"""Getting images into local nodes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from steersman.bootstrap import images
from steersman.bootstrap.errors import BootstrapError
from steersman.bootstrap.local.commands import run, succeeds
from steersman.bootstrap.local.node import in_node

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from steersman.bootstrap.local.cluster import Cluster, Node

CONTAINERD_SECONDS = 20.0


def ensure_images(cluster: Cluster, node: Node) -> bool:
    """Make sure a running node has the pause and demo images of this version; whether it had not."""
    archives = images.ensure_archives(cluster.data_dir / "images")
    marker = cluster.node_dir(node.name) / "containerd" / "images"
    stamp = images.fingerprint()
    if marker.exists() and marker.read_text() == stamp:
        return False
    load_archives(cluster, node, archives)
    marker.write_text(stamp)
    return True


def load_archives(cluster: Cluster, node: Node, archives: Sequence[Path]) -> None:
    """Import image archives where the node's kubelet finds them. Raises: BootstrapError."""
    wait_containerd(cluster, node)
    for archive in archives:
        run(in_node(cluster, node, "ctr", "--namespace", "k8s.io", "images", "import", str(archive)))


def wait_containerd(cluster: Cluster, node: Node) -> None:
    """Wait until a node's containerd answers. Raises: BootstrapError."""
    deadline = time.monotonic() + CONTAINERD_SECONDS
    while not succeeds(in_node(cluster, node, "ctr", "--timeout", "2s", "version")):
        if time.monotonic() > deadline:
            log = cluster.log(f"{node.name}/containerd")
            raise BootstrapError(f"containerd of {node.name} does not answer", f"see {log}")
        time.sleep(0.05)
