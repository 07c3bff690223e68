"""The cgroup tree of a node: `<root>/kubepods[/burstable|/besteffort]/pod<uid>`, cgroup v1 and v2.

The kubelet makes the levels down to the pod and sets their limits; the runtime makes the containers' below.
All calls are idempotent and quick (writes to the kernel's file system).
"""

from __future__ import annotations

import errno
import logging
import os
from typing import TYPE_CHECKING

from steersman.kubelet.pods import resources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object
    from steersman.kubelet.pods.resources import Limits

log = logging.getLogger("steersman.kubelet.cgroups")

MOUNT = "/sys/fs/cgroup"
V1_CONTROLLERS = (
    "cpu",
    "cpuacct",
    "cpuset",
    "memory",
    "pids",
    "blkio",
    "devices",
    "freezer",
    "hugetlb",
    "net_cls",
    "net_prio",
    "perf_event",
    "systemd",
    "unified",  # the v2 tree of a hybrid machine, where runtimes make the same levels
)
QOS_DIRECTORY = {"Guaranteed": "", "Burstable": "/burstable", "BestEffort": "/besteffort"}


def weight(shares: int) -> int:
    """cgroup v2's cpu.weight (1..10000) of v1 shares (2..262144)."""
    return 1 + ((max(shares, 2) - 2) * 9999) // 262142


class Cgroups:
    """The part of the tree below `root`, such as `/steersman/home/node-1`."""

    def __init__(self, root: str, mount: str = MOUNT) -> None:
        self._root = root.rstrip("/")
        self._mount = mount
        self.unified = os.path.exists(f"{mount}/cgroup.controllers")
        """True on cgroup v2"""
        present = [name for name in V1_CONTROLLERS if os.path.isdir(f"{mount}/{name}")]
        self._bases = [mount] if self.unified else [f"{mount}/{name}" for name in present]

    def pod_path(self, pod: Object) -> str:
        """The pod's cgroup, as the runtime is told (no mount point in front)."""
        return f"{self._root}/kubepods{QOS_DIRECTORY[resources.qos_class(pod)]}/pod{pod['metadata']['uid']}"

    def ensure_tree(self, cpu: float, memory: int) -> None:
        """Make the levels above pods and limit them to what the node can give (cores, bytes)."""
        for level in QOS_DIRECTORY.values():
            self._make(f"{self._root}/kubepods{level}")
        top = f"{self._root}/kubepods"
        self._set(top, resources.Limits(resources.shares(int(cpu * 1000)), None, memory or None))
        self._set(f"{top}/besteffort", resources.Limits(resources.MIN_SHARES))

    def set_burstable(self, milli: int) -> None:
        """Weigh all burstable pods together by their CPU requests in millicores."""
        self._set(f"{self._root}/kubepods/burstable", resources.Limits(resources.shares(milli)))

    def ensure_pod(self, pod: Object) -> str:
        """Make the pod's cgroup with its limits; its path for the runtime."""
        path = self.pod_path(pod)
        self._make(path)
        self._set(path, resources.pod_limits(pod))
        return path

    def lift_pod(self, pod: Object) -> None:
        """Take the pod's own limits off while its containers' are changed: a child may not have more."""
        self._set(self.pod_path(pod), resources.Limits(resources.pod_limits(pod).cpu_shares))

    def remove_pod(self, uid: str) -> None:
        """Remove the pod's cgroup wherever it is. Raises: OSError (EBUSY) while processes are left."""
        for level in QOS_DIRECTORY.values():
            self._remove(f"{self._root}/kubepods{level}/pod{uid}")

    def pods(self) -> set[str]:
        """Uids of the pods that have a cgroup."""
        found: set[str] = set()
        for base in self._bases[:1]:
            for level in QOS_DIRECTORY.values():
                top = f"{base}{self._root}/kubepods{level}"
                if os.path.isdir(top):
                    found |= {name[3:] for name in os.listdir(top) if name.startswith("pod")}
        return found

    def _make(self, path: str) -> None:
        for base in self._bases:
            if os.path.isdir(base + path):
                continue
            os.makedirs(base + path, exist_ok=True)
            if base.endswith("/cpuset"):
                self._inherit_cpuset(base, path)
        if self.unified:
            self._delegate(path)

    def _inherit_cpuset(self, base: str, path: str) -> None:
        """v1: a new cpuset is empty, and nothing may run in it, until it has its parent's CPUs."""
        parts = path.strip("/").split("/")
        for depth in range(1, len(parts) + 1):
            here = f"{base}/{'/'.join(parts[:depth])}"
            for name in ("cpuset.cpus", "cpuset.mems"):
                with open(f"{here}/{name}", encoding="ascii") as file:
                    empty = not file.read().strip()
                if empty:
                    with open(f"{os.path.dirname(here)}/{name}", encoding="ascii") as file:
                        _write(f"{here}/{name}", file.read().strip())

    def _delegate(self, path: str) -> None:
        """v2: let every level above hand its controllers down."""
        parts = path.strip("/").split("/")
        for depth in range(len(parts)):
            here = os.path.join(self._mount, *parts[:depth])
            with open(f"{here}/cgroup.controllers", encoding="ascii") as file:
                wanted = " ".join(f"+{name}" for name in file.read().split())
            _write(f"{here}/cgroup.subtree_control", wanted)

    def _set(self, path: str, limits: Limits) -> None:
        for file, value in self._settings(limits).items():
            full = (
                f"{self._mount}{path}/{file}"
                if self.unified
                else f"{self._mount}/{file.partition('.')[0]}{path}/{file}"
            )
            if os.path.exists(full):
                _write(full, value)

    def _settings(self, limits: Limits) -> Mapping[str, str]:
        quota, memory = limits.cpu_quota, limits.memory
        if self.unified:
            return {
                "cpu.weight": str(weight(limits.cpu_shares)),
                "cpu.max": f"{'max' if quota is None else quota} {resources.CPU_PERIOD}",
                "memory.max": "max" if memory is None else str(memory),
            }
        return {
            "cpu.shares": str(limits.cpu_shares),
            "cpu.cfs_period_us": str(resources.CPU_PERIOD),
            "cpu.cfs_quota_us": "-1" if quota is None else str(quota),
            "memory.limit_in_bytes": "-1" if memory is None else str(memory),
        }

    def _remove(self, path: str) -> None:
        for base in self._bases:
            for here, _, _ in os.walk(base + path, topdown=False):
                try:
                    os.rmdir(here)
                except FileNotFoundError:
                    continue


def _write(path: str, value: str) -> None:
    """Write one setting; what this kernel or container refuses is logged and left as it is."""
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(value)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EBUSY):
            raise
        log.warning("cannot set %s to %r: %s", path, value, error.strerror)


def lowest_oom_score() -> int:
    """The lowest oom_score_adj this process may give: -1000 with CAP_SYS_RESOURCE, else its own."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as lines:
        effective = next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
    if effective >> 24 & 1:
        return -1000
    with open("/proc/self/oom_score_adj", encoding="ascii") as file:
        return int(file.read())
