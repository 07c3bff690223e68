"""etcd as a process of a local cluster: one member, on the loopback, under the cluster's supervisor.

Used by clusters made with `up --store etcd`. The member and the API server know each other by certificates
of a CA of their own (`D/pki/etcd/ca`, kubeadm's names), so that no other credential of the cluster opens
the store. Its data are in `D/etcd`. Ports are chosen once and kept while they are free.
"""

from __future__ import annotations

import platform
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from steersman.bootstrap import pki
from steersman.bootstrap.local import addresses
from steersman.bootstrap.local.processes import ProcessSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from steersman.bootstrap.local.cluster import Cluster

STORE = "etcd"
PROCESS = "etcd"
"""Name of the process, as `status` and `logs` know it; also the member's."""
CA = "etcd/ca"
SERVER = pki.Issue("etcd/server", "etcd", sans=("localhost", "127.0.0.1"), ca=CA)
CLIENT = pki.Issue("apiserver-etcd-client", "kube-apiserver-etcd-client", ca=CA)
FIRST_PORT = 12379
"""Away from 2379, where Debian's package starts a member of its own."""
STOP_SECONDS = 20.0
"""A member writes down what it has before it ends."""


def data_dir(cluster: Cluster) -> Path:
    """Where the member keeps everything."""
    return cluster.data_dir / "etcd"


def endpoint(cluster: Cluster) -> str:
    """Where the API server finds the member."""
    return f"https://127.0.0.1:{cluster.etcd_port}"


def peer_url(cluster: Cluster) -> str:
    """Where other members would find this one."""
    return f"https://127.0.0.1:{cluster.etcd_peer_port}"


def with_ports(
    cluster: Cluster,
    others: Sequence[Cluster],
    is_free: Callable[[int], bool] = addresses.port_is_free,
) -> Cluster:
    """The same cluster with ports for its member; those it has stay while it runs or they are free."""
    if cluster.store != STORE:
        return cluster
    mine = (cluster.etcd_port, cluster.etcd_peer_port)
    if all(mine) and (cluster.control.any_alive() or all(map(is_free, mine))):
        return cluster
    taken = {port for other in others for port in (other.port, other.etcd_port, other.etcd_peer_port)}
    candidates = (p for p in range(FIRST_PORT, 65536) if p not in {*taken, cluster.port} and is_free(p))
    return replace(cluster, etcd_port=next(candidates), etcd_peer_port=next(candidates))


def ensure_keys(keys: pki.PKI) -> None:
    """Make the member's CA and certificates, or renew them."""
    pki.ensure_ca(keys, CA, "etcd-ca")
    for issue in (SERVER, CLIENT):
        pki.ensure_certificate(keys, issue, keys.directory)


def apiserver_options(cluster: Cluster) -> dict[str, str]:
    """What the API server is told about the member."""
    keys = cluster.data_dir / "pki"
    return {
        "--etcd-servers": endpoint(cluster),
        "--etcd-cafile": str(keys / f"{CA}.crt"),
        "--etcd-certfile": str(keys / f"{CLIENT.name}.crt"),
        "--etcd-keyfile": str(keys / f"{CLIENT.name}.key"),
    }


def member_options(cluster: Cluster) -> dict[str, str]:
    """Who the member is, as running it and restoring into it both want it."""
    return {
        "--name": PROCESS,
        "--data-dir": str(data_dir(cluster)),
        "--initial-advertise-peer-urls": peer_url(cluster),
        "--initial-cluster": f"{PROCESS}={peer_url(cluster)}",
    }


def program() -> tuple[str, ...]:
    """The command to start with, without the user's environment: etcd refuses to start beside a variable
    (`ETCD_DATA_DIR`, say) that an option overrides. 3.4 wants to be told when it is not on x86-64.
    """
    architecture = {"aarch64": "arm64"}.get(platform.machine())
    told = (f"ETCD_UNSUPPORTED_ARCH={architecture}",) if architecture else ()
    return ("env", "-i", *told, shutil.which("etcd") or "etcd")


def etcd_spec(cluster: Cluster) -> ProcessSpec:
    """The member: TLS with client certificates on both ports; compaction is the API server's."""
    keys = cluster.data_dir / "pki"
    options = member_options(cluster) | {
        "--listen-client-urls": endpoint(cluster),
        "--advertise-client-urls": endpoint(cluster),
        "--listen-peer-urls": peer_url(cluster),
        "--logger": "zap",
        "--log-level": "warn",
    }
    for prefix in ("--", "--peer-"):
        options[f"{prefix}trusted-ca-file"] = str(keys / f"{CA}.crt")
        options[f"{prefix}cert-file"] = str(keys / f"{SERVER.name}.crt")
        options[f"{prefix}key-file"] = str(keys / f"{SERVER.name}.key")
        options[f"{prefix}client-cert-auth"] = "true"
    # Its HTTP gateway would be a client of the member with a certificate that is for servers.
    options["--enable-grpc-gateway"] = "false"
    return ProcessSpec(
        name=PROCESS,
        argv=(*program(), *(f"{name}={value}" for name, value in options.items())),
        log=str(cluster.log(PROCESS)),
        stop_seconds=STOP_SECONDS,
    )
