"""Settings of the scheduler."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SchedulerConfig"]


@dataclass(frozen=True, slots=True)
class SchedulerConfig:
    scheduler_name: str = "default-scheduler"
    """Pods whose `spec.schedulerName` is this are ours; also the reporting component of our events."""
    initial_backoff: float = 1.0
    """Seconds a pod waits after its first failed attempt; doubles with each further one."""
    max_backoff: float = 10.0
    """Seconds."""
    unschedulable_timeout: float = 300.0
    """Seconds after which a pod no event concerned is tried again all the same."""
    binding_parallelism: int = 64
    """Binding requests under way at a time."""
    leader_elect: bool = False
    """Wait for the lease `kube-system/kube-scheduler` first: for several schedulers of one cluster."""
    identity: str = ""
    """Who holds the lease; the host's name when empty."""
    health_bind: str = "127.0.0.1"
    health_port: int = 0
    """Port of /healthz, /readyz and /metrics; 0 serves none (the all-in-one process has its own)."""
