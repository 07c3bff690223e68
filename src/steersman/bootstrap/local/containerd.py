"""The configuration of one node's containerd.

Each node has a containerd of its own: its images and containers below `D/nodes/<node>/containerd`, its
socket and run time state in the `/run` that only the node sees. Nothing is shared with another containerd
of this machine. Source of the keys: containerd 1.6 `docs/cri/config.md`.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

SOCKET = "/run/containerd/containerd.sock"
"""Inside the node."""
CNI_BINARIES = ("/usr/lib/cni", "/opt/cni/bin")
UNUSED_PLUGINS = (
    "io.containerd.internal.v1.opt",
    "io.containerd.internal.v1.tracing",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.tracing.processor.v1.otlp",
)
"""Not needed, and some write below /opt."""


@dataclass(frozen=True, slots=True)
class ContainerdSettings:
    """What differs from machine to machine."""

    root: str
    cni_conf_dir: str
    cni_bin_dir: str
    snapshotter: str = "overlayfs"
    runtime: str = "/usr/sbin/runc"
    restrict_oom_score: bool = False
    """Whether this machine refuses negative OOM scores (no CAP_SYS_RESOURCE)."""
    pause_image: str = "steersman.local/pause:1.0"


def plan_config(settings: ContainerdSettings) -> str:
    """The text of `config.toml`."""
    disabled = ", ".join(f'"{plugin}"' for plugin in UNUSED_PLUGINS)
    oom = str(settings.restrict_oom_score).lower()
    return f"""\
version = 2
root = "{settings.root}"
state = "/run/containerd"
disabled_plugins = [{disabled}]

[grpc]
  address = "{SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{settings.pause_image}"
  restrict_oom_score_adj = {oom}
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  stream_idle_timeout = "4h"
  max_container_log_line_size = 16384

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{settings.cni_bin_dir}"
    conf_dir = "{settings.cni_conf_dir}"
    max_conf_num = 1

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{settings.snapshotter}"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "{settings.runtime}"
        SystemdCgroup = false
"""


def observe_settings(node_dir: Path) -> ContainerdSettings:
    """Find out what this machine offers."""
    return ContainerdSettings(
        root=str(node_dir / "containerd" / "root"),
        cni_conf_dir=str(node_dir / "cni" / "net.d"),
        cni_bin_dir=next((d for d in CNI_BINARIES if Path(d, "bridge").exists()), CNI_BINARIES[0]),
        snapshotter="native" if filesystem_of(node_dir) == "overlay" else "overlayfs",
        runtime=shutil.which("runc") or shutil.which("crun") or "runc",
        restrict_oom_score=not may_lower_oom_score(),
    )


def may_lower_oom_score() -> bool:
    """Whether processes here may be protected from the OOM killer."""
    path = Path("/proc/self/oom_score_adj")
    before = path.read_text()
    try:
        path.write_text("-998")
    except OSError:
        return False
    path.write_text(before)
    return True


def filesystem_of(path: Path) -> str:
    """Type of the file system a directory is on, such as "ext4" or "overlay"."""
    device = os.stat(path).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0]
    return ""
