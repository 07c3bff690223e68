"""What a local cluster is, and where that is kept.

`D/cluster.json` describes one cluster; the register (one small file a cluster below
`/var/lib/steersman/clusters`) says where each cluster's `D` is, so that later commands need a name at most,
also after a reboot.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

from steersman.bootstrap.errors import BootstrapError
from steersman.bootstrap.files import PUBLIC, write_file
from steersman.bootstrap.local.control import Control

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

DEFAULT_NAME = "default"
STATE_ROOT = Path(os.environ.get("STEERSMAN_STATE_ROOT", "/var/lib/steersman"))
"""Data directories nobody chose otherwise, and the register."""
RUN_ROOT = Path(os.environ.get("STEERSMAN_RUN_ROOT", "/run/steersman"))
"""Control sockets: short paths, because a Unix socket's path ends at 107 bytes."""
NAME_PATTERN = re.compile(r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?")
FIRST_NODE_HOST = 11
"""node-1 gets the address .11 of the cluster's network; .1 is the host."""


@dataclass(frozen=True, slots=True)
class Node:
    """One local node."""

    name: str
    address: str
    """In the cluster's network on the host's bridge."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One local cluster as it was decided on."""

    name: str
    data_dir: Path
    port: int = 6443
    store: str = "sqlite"
    network: str = ""
    """The /24 of the host's bridge and the nodes."""
    pod_cidr: str = "10.244.0.0/16"
    nodes: tuple[Node, ...] = ()
    stopped: frozenset[str] = field(default_factory=frozenset)
    """Names of nodes the user switched off."""
    mtu: int = 1500
    etcd_port: int = 0
    etcd_peer_port: int = 0
    """On the loopback; 0 unless `store` is etcd."""

    @property
    def context(self) -> str:
        """Name of the kubeconfig context."""
        return "steersman" if self.name == DEFAULT_NAME else f"steersman-{self.name}"

    @property
    def bridge(self) -> str:
        """Name of the host's bridge: `sm-<name>`, shortened with a hash past the kernel's 15 bytes."""
        return f"sm-{self.name}" if len(self.name) <= 12 else f"sm-{self.name[:5]}-{short_hash(self.name, 6)}"

    @property
    def host_address(self) -> str:
        """The host's address on the bridge: where nodes find the API server."""
        return str(IPv4Network(self.network)[1])

    @property
    def server(self) -> str:
        """URL of the API server on this machine."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def node_server(self) -> str:
        """URL of the API server as seen from nodes."""
        return f"https://{self.host_address}:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        """The admin's kubeconfig."""
        return self.data_dir / "admin.kubeconfig"

    @property
    def cgroup(self) -> str:
        """Parent of all cgroups of this cluster, in every hierarchy."""
        return f"/steersman/{self.name}"

    @property
    def control(self) -> Control:
        """The cluster's supervisor."""
        socket_path = RUN_ROOT / f"{self.name}.sock"
        return Control(self.data_dir / "supervisor.json", socket_path, self.log("supervisor"))

    def log(self, process: str) -> Path:
        """Where a process of this cluster logs to."""
        return self.data_dir / "logs" / f"{process.replace('/', '-')}.log"

    def node_dir(self, node: str) -> Path:
        """`D/nodes/<node>`."""
        return self.data_dir / "nodes" / node

    def node(self, name: str) -> Node:
        """Find a node. Raises: BootstrapError."""
        for node in self.nodes:
            if node.name == name:
                return node
        known = ", ".join(node.name for node in self.nodes)
        raise BootstrapError(f"cluster {self.name} has no node {name}", f"its nodes are {known}")

    def with_nodes(self, count: int) -> Cluster:
        """The same cluster with at least `count` nodes."""
        cluster = self
        while len(cluster.nodes) < count:
            cluster = cluster.with_node()
        return cluster

    def with_node(self, name: str = "") -> Cluster:
        """The same cluster with one more node, on the first free name and address."""
        names = {node.name for node in self.nodes}
        if name in names:
            raise BootstrapError(f"cluster {self.name} has a node {name} already")
        name = name or next(n for i in range(1, 1000) if (n := f"node-{i}") not in names)
        taken = {node.address for node in self.nodes}
        hosts = IPv4Network(self.network)
        free = (a for i in range(FIRST_NODE_HOST, 255) if (a := str(hosts[i])) not in taken)
        address = next(free, "")
        if not address:
            raise BootstrapError(f"the network {self.network} of cluster {self.name} is full")
        return replace(self, nodes=(*self.nodes, Node(name, address)))

    def save(self) -> None:
        """Write `D/cluster.json` and the register's entry."""
        content = asdict(self) | {"data_dir": str(self.data_dir), "stopped": sorted(self.stopped)}
        write_file(self.data_dir / "cluster.json", json.dumps(content, indent=1), PUBLIC)
        write_file(register_entry(self.name), json.dumps({"data_dir": str(self.data_dir)}), PUBLIC)


def short_hash(text: str, length: int) -> str:
    """A few hex digits that stand for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def register_entry(name: str) -> Path:
    """The register's file for one cluster."""
    return STATE_ROOT / "clusters" / f"{name}.json"


def validate_name(name: str) -> str:
    """Check a cluster's or node's name. Raises: BootstrapError."""
    if not NAME_PATTERN.fullmatch(name):
        hint = "lower-case letters, digits and dashes; at most 32; no dash at the ends"
        raise BootstrapError(f"{name!r} is no name for a cluster or a node", hint)
    return name


def load(data_dir: Path) -> Cluster | None:
    """Read `D/cluster.json`; None when there is none. Raises: BootstrapError when it is damaged."""
    path = data_dir / "cluster.json"
    try:
        content = json.loads(path.read_bytes())
        nodes = tuple(Node(**node) for node in content.pop("nodes"))
        stopped = frozenset(content.pop("stopped"))
        return Cluster(**{**content, "data_dir": data_dir, "nodes": nodes, "stopped": stopped})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        hint = "put back a copy, or remove the file to begin anew with the keys and data beside it"
        raise BootstrapError(f"{path} cannot be read: {error}", hint) from error


def registered_dir(name: str) -> Path | None:
    """Where the register says a cluster's data are; None when it does not know the cluster."""
    try:
        return Path(json.loads(register_entry(name).read_bytes())["data_dir"])
    except FileNotFoundError:
        return None


def find_or_none(name: str) -> Cluster | None:
    """Find a registered cluster. Raises: BootstrapError for an impossible name."""
    data_dir = registered_dir(validate_name(name))
    return load(data_dir) if data_dir else None


def find(name: str) -> Cluster:
    """Find a registered cluster. Raises: BootstrapError when there is none of that name."""
    cluster = find_or_none(name)
    if cluster is None:
        known = ", ".join(other.name for other in clusters()) or "none"
        raise BootstrapError(f"there is no cluster {name}", f"clusters on this machine: {known}")
    return cluster


def clusters() -> list[Cluster]:
    """All registered clusters, by name."""
    names = sorted(path.stem for path in register_entry("x").parent.glob("*.json"))
    found = [load(directory) for name in names if (directory := registered_dir(name))]
    return [cluster for cluster in found if cluster is not None]


def forget(cluster: Cluster) -> None:
    """Take a cluster out of the register, and the register itself away with its last cluster."""
    entry = register_entry(cluster.name)
    entry.unlink(missing_ok=True)
    for directory in (entry.parent, STATE_ROOT):
        if directory.exists() and not any(directory.iterdir()):
            directory.rmdir()


def machine_lock() -> AbstractContextManager[None]:
    """Let one command at a time change what clusters share: addresses, the register, host settings."""
    return lock_file(RUN_ROOT / "_machine.lock")


@contextmanager
def cluster_lock(name: str) -> Iterator[None]:
    """Let one command at a time change a cluster. Taken before `machine_lock`, never after.

    When there is no such cluster afterwards, nothing of the lock stays either.
    """
    path = RUN_ROOT / f"{validate_name(name)}.lock"
    with lock_file(path):
        try:
            yield
        finally:
            if registered_dir(name) is None:
                path.unlink(missing_ok=True)
                tidy_run_root()


def tidy_run_root() -> None:
    """Remove the directory of locks and sockets when nobody needs it any more."""
    with machine_lock():
        own = RUN_ROOT / "_machine.lock"
        if list(RUN_ROOT.iterdir()) == [own]:
            own.unlink()
            RUN_ROOT.rmdir()


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold an exclusive lock; wait for whoever has it. Raises: BootstrapError without root."""
    descriptor = -1
    try:
        while True:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if is_same(path, descriptor):
                break
            os.close(descriptor)
            descriptor = -1
        yield
    except PermissionError as error:
        raise BootstrapError(f"cannot write {path}: {error.strerror}", "run it with sudo") from error
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def is_same(path: Path, descriptor: int) -> bool:
    """Whether the lock taken is still the one others will find (the last `down` removes the files)."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
