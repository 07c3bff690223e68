"""Settings of the controllers; defaults are kube-controller-manager's."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ControllerManagerConfig"]


@dataclass(frozen=True, slots=True)
class ControllerManagerConfig:
    controllers: tuple[str, ...] = ("*",)
    """Which run: `*` all, `name` also that one, `-name` not that one."""
    cluster_cidrs: tuple[str, ...] = ("10.244.0.0/16",)
    """Pod networks nodes get their `spec.podCIDRs` from, at most one of each family; empty: nothing is
    allocated."""
    node_mask_v4: int = 24
    """Bits of prefix of a node's IPv4 pod network."""
    node_mask_v6: int = 64
    root_ca: bytes = b""
    """PEM published as `ca.crt` in the ConfigMap kube-root-ca.crt of every namespace; empty: not
    published."""
    service_account_key_file: str = ""
    """Private key, PEM, that signs the tokens kept in Secrets; empty: none are made."""
    signing_cert_file: str = ""
    signing_key_file: str = ""
    """CA that signs certificate requests, PEM; without both nothing is signed."""
    signing_seconds: float = 365 * 86400.0
    """Longest life of a certificate signed for a request."""
    node_monitor_period: float = 5.0
    """Seconds between two looks at the heartbeats of nodes."""
    node_monitor_grace_period: float = 50.0
    """Seconds without a heartbeat until a node's conditions become Unknown."""
    node_startup_grace_period: float = 60.0
    """The same for a node that has never reported."""
    node_eviction_rate: float = 0.1
    """Nodes a second that get NoExecute taints while the cluster is healthy."""
    terminated_pod_threshold: int = 12500
    """Finished pods kept; beyond it the oldest are deleted. 0: all are kept."""
    workers: int = 0
    """Concurrent reconciles of each controller; 0: each controller's own number."""
