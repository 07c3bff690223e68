"""What is wrong with this machine, found before anything is changed.

Each check looks at one thing and gives findings: what is the matter and what to do. All findings are
shown at once. `PROGRAMS` says which Debian package brings which program; `steersman preflight --install`
installs those missing.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steersman.bootstrap.errors import BootstrapError
from steersman.bootstrap.local import addresses
from steersman.bootstrap.local.containerd import CNI_BINARIES
from steersman.bootstrap.local.host import cgroup_roots

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.bootstrap.local.cluster import Cluster

PROGRAMS = (
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("nft", "nftables"),
    ("iptables", "iptables"),
    ("conntrack", "conntrack"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("mount", "mount"),
    ("busybox", "busybox-static"),
    ("catatonit", "catatonit"),
)
"""(program, Debian package). `runc` may be `crun`; the CNI plug-ins are looked for by path."""
STORE_PROGRAMS = {"etcd": (("etcd", "etcd-server"),)}
"""The same, for what only clusters on a certain store need."""
CNI_PLUGINS = ("bridge", "host-local", "loopback", "portmap")
CNI_PACKAGE = "containernetworking-plugins"
DISK_BYTES = 500 * 1024 * 1024
"""Free space below which no node is started: images and logs need some."""
FORBIDDEN_PLACES = ("/run", "/var/run", "/var/log", "/var/lib/cni", "/proc", "/sys", "/dev")
"""Nodes mount their own things there, so that a data directory below would vanish for them."""
ELF_INTERPRETER = 3
"""Type of the program header a dynamically linked program has."""
KERNEL_PROBE = (
    "ip link add sm-probe type bridge && ip link add sm-probe1 type veth peer name sm-probe2"
    " && nft add table ip sm-probe"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that has to be put right first."""

    problem: str
    remedy: str


def check_root() -> list[Finding]:
    """Namespaces, mounts and cgroups need root."""
    if os.geteuid() == 0:
        return []
    remedy = "run it with sudo; `steersman apiserver` alone works without"
    return [Finding("a local cluster needs root", remedy)]


def check_packages() -> list[Finding]:
    """Programs and CNI plug-ins."""
    return not_installed(missing_packages())


def check_store(cluster: Cluster) -> list[Finding]:
    """What the cluster's store brings with it."""
    return not_installed(missing_packages(cluster.store))


def not_installed(missing: list[str]) -> list[Finding]:
    """The finding for packages; none when nothing is missing."""
    if not missing:
        return []
    return [Finding(f"not installed: {', '.join(missing)}", f"apt-get install -y {' '.join(missing)}")]


def check_kernel() -> list[Finding]:
    """Bridges, veth pairs, nftables (tried in a network namespace that ends with the try), cgroups."""
    findings = []
    if os.geteuid() == 0 and not missing_packages():
        argv = ["unshare", "--net", "sh", "-c", KERNEL_PROBE]
        tried = subprocess.run(argv, capture_output=True, text=True)
        if tried.returncode:
            remedy = "a kernel with bridge, veth and nf_tables is needed"
            findings.append(Finding(f"the kernel refused: {tried.stderr.strip()}", remedy))
    if not cgroup_roots():
        findings.append(Finding("no control groups are mounted", "mount -t cgroup2 none /sys/fs/cgroup"))
    return findings


def check_port(cluster: Cluster) -> list[Finding]:
    """The API server's port."""
    if addresses.port_is_free(cluster.port) or cluster.control.any_alive():
        return []
    remedy = f"choose another with --port, or stop what listens there (ss -ltnp 'sport = :{cluster.port}')"
    return [Finding(f"port {cluster.port} is in use", remedy)]


def check_place(cluster: Cluster) -> list[Finding]:
    """Where the data are to go: a sensible place, with room, and nobody else's."""
    directory = cluster.data_dir
    for place in FORBIDDEN_PLACES:
        if directory == Path(place) or Path(place) in directory.parents:
            return [Finding(f"{directory} cannot hold a cluster's data", f"choose one outside {place}")]
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not existing.is_dir():
        return [Finding(f"{existing} is not a directory", "choose another with --data-dir")]
    free = shutil.disk_usage(existing).free
    if free < DISK_BYTES:
        what = f"only {free // 2**20} MiB are free at {existing}"
        return [Finding(what, f"make room ({DISK_BYTES // 2**20} MiB) or choose another --data-dir")]
    ours = ("cluster.json", "pki", "admin.kubeconfig", "state.db")
    if existing == directory and any(directory.iterdir()) and not any((directory / o).exists() for o in ours):
        return [Finding(f"{directory} holds something else", "choose an empty directory with --data-dir")]
    return []


def check_network(cluster: Cluster) -> list[Finding]:
    """The cluster's networks must not be routed elsewhere."""
    taken = addresses.routed_networks(except_devices=(cluster.bridge,))
    findings = []
    for network in (cluster.network, cluster.pod_cidr):
        for other in addresses.clashes(network, taken):
            remedy = "remove that route, or `steersman down` and `up` again to get other networks"
            findings.append(Finding(f"the host routes {other} already, the cluster needs {network}", remedy))
    return findings


MACHINE_CHECKS: tuple[Callable[[], list[Finding]], ...] = (check_root, check_packages, check_kernel)
"""What any cluster needs; looked at first, because looking further needs the packages."""
CLUSTER_CHECKS: tuple[Callable[[Cluster], list[Finding]], ...] = (
    check_store,
    check_place,
    check_port,
    check_network,
)
"""What one cluster needs, once it is known what it will be."""


def inspect_machine() -> list[Finding]:
    """Run the checks of the machine."""
    return [finding for check in MACHINE_CHECKS for finding in check()]


def inspect_cluster(cluster: Cluster) -> list[Finding]:
    """Run the checks for a cluster about to be brought up."""
    return [finding for check in CLUSTER_CHECKS for finding in check(cluster)]


def refuse(findings: list[Finding]) -> None:
    """Raise BootstrapError with all findings; nothing when there are none."""
    if findings:
        problems = "".join(f"\n    - {f.problem}\n      {f.remedy}" for f in findings)
        raise BootstrapError(f"this machine is not ready:{problems}", "the above; nothing has been changed")


def missing_packages(store: str = "sqlite") -> list[str]:
    """Debian packages that would bring what clusters on a store miss here, sorted."""
    programs = (*PROGRAMS, *STORE_PROGRAMS.get(store, ()))
    missing = {package for program, package in programs if not has_program(program)}
    if not any(all(Path(d, p).exists() for p in CNI_PLUGINS) for d in CNI_BINARIES):
        missing.add(CNI_PACKAGE)
    return sorted(missing)


def has_program(name: str) -> bool:
    """Whether a usable program of that name is here."""
    if name == "runc" and shutil.which("crun"):
        return True
    path = shutil.which(name)
    return path is not None and (name not in {"busybox", "catatonit"} or is_static(Path(path)))


def is_static(path: Path) -> bool:
    """Whether a 64-bit ELF program needs no dynamic loader, and so runs in an image that has none."""
    with path.open("rb") as file:
        header = file.read(64)
        if header[:5] != b"\x7fELF\x02":
            return False
        (offset,) = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        file.seek(offset)
        table = file.read(size * count)
    return all(struct.unpack_from("<I", table, i * size)[0] != ELF_INTERPRETER for i in range(count))


def install(packages: list[str], store: str = "sqlite") -> None:
    """Install Debian packages for clusters on a store.

    Raises: BootstrapError with what to type when that cannot be done here.
    """
    command = f"apt-get install -y {' '.join(packages)}"
    if os.geteuid() != 0:
        raise BootstrapError(f"not installed: {', '.join(packages)}", f"as root: {command}")
    if not shutil.which("apt-get"):
        remedy = "install what brings them on this distribution"
        raise BootstrapError(f"not installed: {', '.join(packages)} (names of Debian)", remedy)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    argv = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages]
    if subprocess.run(argv, env=environment, stdout=subprocess.DEVNULL).returncode:
        subprocess.run(["apt-get", "-qq", "update"], env=environment, check=False)
        if subprocess.run(argv, env=environment).returncode:
            raise BootstrapError(f"apt-get could not install {', '.join(packages)}", f"try: {command}")
    left = missing_packages(store)
    if left:
        raise BootstrapError(f"still missing after the installation: {', '.join(left)}", f"try: {command}")
