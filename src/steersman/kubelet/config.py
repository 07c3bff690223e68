"""Settings of the kubelet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object

__all__ = ["VERSION", "KubeletConfig"]

VERSION = "v1.37.0"
"""The version of Kubernetes that the node says it runs."""


@dataclass(frozen=True, slots=True)
class KubeletConfig:
    node_name: str
    root_dir: str
    """Pods' volumes, hosts files and termination logs; absolute."""
    cri_socket: str
    """Of the container runtime, such as `/run/containerd/containerd.sock`."""
    node_ips: tuple[str, ...] = ()
    """InternalIPs, the first is the node's; empty: the address of the default route's link."""
    cert_file: str = ""
    """Server certificate (PEM) of the HTTPS server; empty: the server is not started."""
    key_file: str = ""
    client_ca_file: str = ""
    """CA of the client certificates that the HTTPS server accepts."""
    address: str = "0.0.0.0"
    port: int = 10250
    """Of the HTTPS server; 0 picks a free one."""
    hostname: str = ""
    """Label kubernetes.io/hostname; empty: the node's name."""
    cgroup_root: str = "/steersman"
    """Below which `kubepods` is made, such as `/steersman/<cluster>/<node>`."""
    pod_logs: str = "/var/log/pods"
    cluster_dns: tuple[str, ...] = ("10.96.0.10",)
    cluster_domain: str = "cluster.local"
    resolv_conf: str = "/etc/resolv.conf"
    """The node's own resolver configuration, for dnsPolicy Default and as upstream search list."""
    static_pods: str = ""
    """Directory of static pod manifests; empty: none."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Extra labels of the Node."""
    taints: tuple[Object, ...] = ()
    """Taints the Node registers with."""
    max_pods: int = 110
    reserved: Mapping[str, str] = field(default_factory=dict)
    """Resources kept from pods, such as `{"memory": "500Mi"}`."""
    provider_id: str = ""
    status_seconds: float = 10.0
    """How often the node's state is looked at."""
    report_seconds: float = 300.0
    """How often an unchanged node status is written."""
    lease_seconds: int = 40
    """Validity of the node's Lease; it is renewed every quarter of that."""
    log_max_bytes: int = 10 << 20
    """A container log is rotated beyond this size."""
    log_max_files: int = 5
    image_gc_high: int = 85
    """Percent of the image disk in use above which unused images are removed."""
    image_gc_low: int = 80
    """Percent down to which they are removed."""
    image_gc_free: int = 8 << 30
    """Bytes of free disk at which no image is removed, whatever the percentage: on a large disk, or a shared
    one, fifteen percent is no need."""
    eviction_memory: str = "100Mi"
    """Available memory below which pods are evicted."""
    eviction_disk_percent: int = 10
    """Percent of the root disk that must stay free, but never more than `eviction_disk_bytes`."""
    eviction_disk_bytes: int = 2 << 30
