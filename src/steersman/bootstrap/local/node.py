"""One local node: namespaces with a process 1, a cable to the bridge, containerd and the agent.

    host ── sm-<cluster> (bridge) ── veth ── eth0 │ network, mount, PID, UTS and IPC namespaces
                                                  │   catatonit -P    process 1: holds them, collects orphans
                                                  │   containerd      own root, own /run
                                                  │   steersman agent kubelet, proxy, network, DNS

The mounts of a node are private to it: an own `/proc`, `/run`, `/var/log` and `/var/lib/cni`; inside,
everything is shared, so that containers can be given mount propagation. Control groups are the host's,
below `/steersman/<cluster>/<node>`. When process 1 ends the kernel ends everything inside: that is how a
node loses power.
"""

from __future__ import annotations

import shlex
import sys
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

from steersman.bootstrap.errors import BootstrapError
from steersman.bootstrap.files import PUBLIC, write_if_changed
from steersman.bootstrap.kubeconfigs import ensure_node
from steersman.bootstrap.local import containerd
from steersman.bootstrap.local.cluster import short_hash
from steersman.bootstrap.local.commands import ip_json, run, succeeds
from steersman.bootstrap.local.control import component_environment
from steersman.bootstrap.local.processes import ProcessSpec, namespace_argv

if TYPE_CHECKING:
    from steersman.bootstrap.local.cluster import Cluster, Node
    from steersman.bootstrap.pki import PKI

UNSHARE = ("unshare", "--fork", "--pid", "--mount-proc", "--mount", "--net", "--uts", "--ipc")
RESOLV_CONFS = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")
"""Where the host's name servers are written down; the first with a server that is not on loopback is used."""


def prepare_files(cluster: Cluster, node: Node, pki: PKI) -> None:
    """Write what the node's processes read: keys, containerd's configuration, name servers. Idempotent."""
    directory = ensure_node(cluster.data_dir, pki, node.name, node.address, cluster.node_server)
    for part in ("log", "kubelet", "cni/net.d", "cni/state", "containerd/root"):
        (directory / part).mkdir(parents=True, exist_ok=True)
    config = containerd.plan_config(containerd.observe_settings(directory))
    write_if_changed(directory / "containerd" / "config.toml", config, PUBLIC)
    contents = [Path(path).read_text() for path in RESOLV_CONFS if Path(path).is_file()]
    write_if_changed(directory / "resolv.conf", plan_resolv_conf(contents), PUBLIC)


def plan_resolv_conf(contents: list[str]) -> str:
    """Choose the resolv.conf of a node: a name server on the host's loopback means nothing inside."""
    for content in contents:
        lines = [line for line in content.splitlines() if not is_loopback_server(line)]
        if any(line.startswith("nameserver") for line in lines):
            return "\n".join(lines) + "\n"
    return "# the host has no name server that a node could reach\n"


def is_loopback_server(line: str) -> bool:
    """Whether a line of resolv.conf names a server on 127.0.0.0/8 or ::1."""
    words = line.split()
    return len(words) > 1 and words[0] == "nameserver" and words[1].startswith(("127.", "::1"))


def plan_init_script(cluster: Cluster, node: Node) -> str:
    """The shell program process 1 starts as: it arranges the mounts, then becomes `catatonit -P`."""
    directory = cluster.node_dir(node.name)
    log, cni, resolv = (shlex.quote(str(directory / part)) for part in ("log", "cni/state", "resolv.conf"))
    return f"""\
set -e
resolv=$(readlink -f /etc/resolv.conf || true)
hostname {shlex.quote(node.name)}
mount -t tmpfs -o mode=755,nosuid,nodev steersman /run
mkdir -p /run/lock /run/netns /run/containerd
mount --bind {log} /var/log
mount --bind {cni} /var/lib/cni
if [ -n "$resolv" ]; then
  case $resolv in /run/*) mkdir -p "${{resolv%/*}}"; : >"$resolv";; esac
  if [ -e "$resolv" ]; then mount --bind {resolv} "$resolv"; fi
fi
mount --make-rshared /
exec catatonit -P
"""


def init_spec(cluster: Cluster, node: Node) -> ProcessSpec:
    """Process 1 of a node. It is not started again by itself: everything inside went with it."""
    return ProcessSpec(
        name=f"{node.name}/init",
        argv=(*UNSHARE, "sh", "-c", plan_init_script(cluster, node)),
        log=str(cluster.log(f"{node.name}/init")),
        forks=True,
        restart=False,
        stop_seconds=0.0,
    )


def containerd_spec(cluster: Cluster, node: Node) -> ProcessSpec:
    """The node's container runtime; containers outlive it."""
    config = cluster.node_dir(node.name) / "containerd" / "config.toml"
    return ProcessSpec(
        name=f"{node.name}/containerd",
        argv=("containerd", "--config", str(config), "--log-level", "warn"),
        log=str(cluster.log(f"{node.name}/containerd")),
        inside=f"{node.name}/init",
    )


def agent_spec(cluster: Cluster, node: Node) -> ProcessSpec:
    """The node's agent; containers outlive it too."""
    options = {
        "--data-dir": str(cluster.data_dir),
        "--node-name": node.name,
        "--node-ip": node.address,
        "--cgroup-root": f"{cluster.cgroup}/{node.name}",
        "--pod-network": cluster.pod_cidr,
    }
    arguments = [word for option in options.items() for word in option]
    return ProcessSpec(
        name=f"{node.name}/agent",
        argv=(sys.executable, "-m", "steersman", "agent", *arguments),
        log=str(cluster.log(f"{node.name}/agent")),
        environment=component_environment(),
        inside=f"{node.name}/init",
    )


def link_name(cluster: Cluster, node: Node) -> str:
    """The host's end of the node's cable (at most 15 bytes)."""
    return f"sm{short_hash(f'{cluster.name}/{node.name}', 10)}"


def hardware_address(cluster: Cluster, node: Node) -> str:
    """A MAC address that stays the same when the node is started again, so that no ARP cache goes stale."""
    digits = short_hash(f"{cluster.name}/{node.name}/mac", 8)
    return ":".join(["02", "53", *(digits[i : i + 2] for i in range(0, 8, 2))])


def plan_cable(cluster: Cluster, node: Node, pid: int) -> tuple[list[str], str]:
    """How to plug a node in: the `ip` command for the host, and the `ip -batch` text for inside."""
    name, mtu = link_name(cluster, node), str(cluster.mtu)
    peer = ["peer", "name", "eth0", "address", hardware_address(cluster, node), "mtu", mtu, "netns", str(pid)]
    host = ["ip", "link", "add", "name", name, "mtu", mtu, "master", cluster.bridge, "up", "type", "veth"]
    inside = (
        f"link set lo up\naddr add {node.address}/24 dev eth0\nlink set eth0 up\n"
        f"route add default via {IPv4Address(cluster.host_address)}\n"
    )
    return [*host, *peer], inside


def start_node(cluster: Cluster, node: Node) -> bool:
    """Bring a node up as far as its processes go; whether anything had to be done. Raises: BootstrapError.

    The agent gets the node Ready some seconds later.
    """
    control = cluster.control
    running = {process.name for process in control.status() if process.pid}
    names = {f"{node.name}/{part}" for part in ("init", "containerd", "agent")}
    if names <= running:
        return False
    pid = control.start(init_spec(cluster, node))
    if not pid:
        raise BootstrapError(f"node {node.name} has no process 1", f"see {cluster.log(f'{node.name}/init')}")
    wait_init(pid, cluster, node)
    ensure_cable(cluster, node, pid)
    control.start(containerd_spec(cluster, node))
    control.start(agent_spec(cluster, node))
    return True


def wait_init(pid: int, cluster: Cluster, node: Node) -> None:
    """Wait until process 1 has arranged its mounts. Raises: BootstrapError when it ended instead."""
    import time

    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/comm").read_text().strip() == "catatonit":
                return
        except FileNotFoundError:
            break
        time.sleep(0.005)
    log = cluster.log(f"{node.name}/init")
    said = log.read_text().strip().splitlines()[-1:] if log.exists() else []
    raise BootstrapError(f"node {node.name} cannot be made: {' '.join(said)}", f"see {log}")


def ensure_cable(cluster: Cluster, node: Node, pid: int) -> None:
    """Join the node to the bridge unless it is."""
    name = link_name(cluster, node)
    if any(link["ifname"] == name for link in ip_json("link", "show", "type", "veth")):
        if succeeds(["nsenter", "--target", str(pid), "--net", "ip", "link", "show", "dev", "eth0"]):
            return
        run(["ip", "link", "del", name])
    host, inside = plan_cable(cluster, node, pid)
    run(host)
    run(["nsenter", "--target", str(pid), "--net", "ip", "-batch", "-"], inside)


def stop_node(cluster: Cluster, node: Node) -> None:
    """Cut the node's power: process 1 goes, and with it everything inside."""
    control = cluster.control
    for part in ("agent", "containerd"):
        if any(process.name == f"{node.name}/{part}" for process in control.status()):
            control.stop(f"{node.name}/{part}")
    control.stop(f"{node.name}/init")


def node_pid(cluster: Cluster, node: Node) -> int:
    """The host's pid of the node's process 1. Raises: BootstrapError when the node does not run."""
    for process in cluster.control.status():
        if process.name == f"{node.name}/init" and process.pid:
            return process.pid
    raise BootstrapError(f"node {node.name} does not run", f"steersman node start {node.name}")


def in_node(cluster: Cluster, node: Node, *argv: str) -> list[str]:
    """The command that runs `argv` inside a node."""
    return [*namespace_argv(node_pid(cluster, node)), *argv]
