"""What a local cluster needs of the host: one bridge, routes to the pods, NAT towards the world.

Everything carries the cluster's name, so that it can be found and removed by name. The host's own rules
stay as they are: the NAT lives in an nftables table of its own, and `ip_forward` gets its old value back
with the last cluster.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from steersman.bootstrap.errors import BootstrapError
from steersman.bootstrap.files import write_file
from steersman.bootstrap.local.cluster import RUN_ROOT, clusters
from steersman.bootstrap.local.commands import ip_json, run, succeeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.bootstrap.local.cluster import Cluster

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
DELETE_TRIES = 50
CNI_STATE = Path("/var/lib/cni")
"""Must exist on the host for nodes to mount their own over it."""


def ensure_bridge(cluster: Cluster) -> bool:
    """Make the bridge with the host's address and bring it up; say whether it was made."""
    address = f"{cluster.host_address}/24"
    links = {link["ifname"]: link for link in ip_json("-4", "addr", "show")}
    present = links.get(cluster.bridge)
    if present is not None:
        addresses = {f"{a['local']}/{a['prefixlen']}" for a in present.get("addr_info", ())}
        if address in addresses and "UP" in present["flags"]:
            return False
    else:
        run(["ip", "link", "add", "name", cluster.bridge, "mtu", str(cluster.mtu), "type", "bridge"])
    run(["ip", "addr", "replace", address, "dev", cluster.bridge])
    run(["ip", "link", "set", cluster.bridge, "up"])
    return True


def table_name(cluster: Cluster) -> str:
    """The cluster's nftables table (family ip) on the host."""
    return f"steersman-{cluster.name}"


def plan_nat(cluster: Cluster) -> str:
    """The nft script that lets nodes and pods reach the world behind the host's address."""
    table = table_name(cluster)
    inner = f"{{ {cluster.network}, {cluster.pod_cidr} }}"
    return f"""\
table ip {table}
delete table ip {table}
table ip {table} {{
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {inner} ip daddr != {inner} oifname != "{cluster.bridge}" masquerade
  }}
}}
"""


def plan_routes(cluster: Cluster, pod_cidrs: Mapping[str, str]) -> list[list[str]]:
    """The `ip` commands for the routes to each node's pods; `pod_cidrs`: node name to CIDR."""
    addresses = {node.name: node.address for node in cluster.nodes}
    return [
        ["ip", "route", "replace", cidr, "via", addresses[name], "dev", cluster.bridge]
        for name, cidr in sorted(pod_cidrs.items())
        if cidr and name in addresses
    ]


def ensure_host(cluster: Cluster) -> None:
    """Bring the host's share of the cluster's network up. Idempotent."""
    remember_host()
    ensure_bridge(cluster)
    if not succeeds(["nft", "list", "table", "ip", table_name(cluster)]):
        run(["nft", "-f", "-"], plan_nat(cluster))
    if FORWARDING.read_text().strip() != "1":
        FORWARDING.write_text("1")
    CNI_STATE.mkdir(parents=True, exist_ok=True)


def remember_host() -> None:
    """Note how the host was before its first cluster, so that its last one can put that back."""
    path = RUN_ROOT / "host.json"
    if not path.exists():
        before = {"ip_forward": FORWARDING.read_text().strip(), "cni_state": CNI_STATE.exists()}
        write_file(path, json.dumps(before))


def remove_host(cluster: Cluster) -> None:
    """Take the host's share of a cluster away; what is not there is fine."""
    delete_link(cluster.bridge)
    if succeeds(["nft", "list", "table", "ip", table_name(cluster)]):
        run(["nft", "delete", "table", "ip", table_name(cluster)])


def delete_link(name: str) -> None:
    """Delete a link unless it is gone: cables go by themselves, some time after their node's namespace.

    Raises: BootstrapError when it cannot be deleted.
    """
    for _ in range(DELETE_TRIES):
        if not any(link["ifname"] == name for link in ip_json("link", "show")):
            return
        if succeeds(["ip", "link", "del", name]):
            return
        time.sleep(0.02)
    run(["ip", "link", "del", name])


def restore_host() -> None:
    """With no cluster running: give the host back its settings, and remove what all clusters shared."""
    path = RUN_ROOT / "host.json"
    if not path.exists() or any(cluster.control.is_running() for cluster in clusters()):
        return
    before = json.loads(path.read_bytes())
    FORWARDING.write_text(before["ip_forward"])
    if not before["cni_state"] and CNI_STATE.is_dir() and not any(CNI_STATE.iterdir()):
        CNI_STATE.rmdir()
    path.unlink()


def cgroup_roots() -> list[Path]:
    """The root of every cgroup hierarchy of this machine, v1 and v2."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [Path(mount[1]) for mount in mounts if mount[2] in {"cgroup", "cgroup2"}]


def remove_cgroups(path: str, seconds: float = 0.0) -> None:
    """Remove a cgroup and everything below it from every hierarchy.

    Killed processes may need a moment to leave: that long is waited. Raises: BootstrapError after it.
    """
    deadline = time.monotonic() + seconds
    for root in cgroup_roots():
        top = root / path.lstrip("/")
        while top.is_dir():
            try:
                remove_tree(top)
            except BootstrapError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        parent = top.parent
        if parent != root and parent.is_dir() and not any(child.is_dir() for child in parent.iterdir()):
            remove_cgroup(parent)


def remove_tree(top: Path) -> None:
    """Remove one cgroup of one hierarchy, the innermost first."""
    for directory in sorted((d for d in top.rglob("*") if d.is_dir()), reverse=True):
        remove_cgroup(directory)
    remove_cgroup(top)


def remove_cgroup(directory: Path) -> None:
    """Remove one empty cgroup."""
    try:
        directory.rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        pids = " ".join((directory / "cgroup.procs").read_text().split())
        hint = f"processes in it: {pids}" if pids else ""
        raise BootstrapError(f"cannot remove the cgroup {directory}: {error.strerror}", hint) from error
