"""The kubelet's metrics, under upstream's names."""

from __future__ import annotations

import re
from functools import cache as remember
from functools import partial
from typing import TYPE_CHECKING

from steersman.runtime.metrics import SECONDS, counter, gauge, histogram

if TYPE_CHECKING:
    from steersman.kubelet.cri.cache import RuntimeCache

RUNTIME_OPERATIONS = counter(
    "kubelet_runtime_operations_total", "Calls of the container runtime.", ["operation_type"]
)
RUNTIME_ERRORS = counter(
    "kubelet_runtime_operations_errors_total",
    "Calls of the container runtime that failed.",
    ["operation_type"],
)
STARTED_PODS = counter("kubelet_started_pods_total", "Sandboxes started.")
STARTED_CONTAINERS = counter("kubelet_started_containers_total", "Containers started.", ["container_type"])
START_ERRORS = counter(
    "kubelet_started_containers_errors_total",
    "Containers that could not be started.",
    ["container_type", "code"],
)
POD_START = histogram(
    "kubelet_pod_start_duration_seconds",
    "From the kubelet's first sight of a pod to its containers running.",
    buckets=SECONDS,
)
EVICTIONS = counter("kubelet_evictions_total", "Pods evicted under pressure.", ["eviction_signal"])
PROBES = counter("prober_probe_total", "Answers to probes.", ["probe_type", "result"])
RUNNING_PODS = gauge("kubelet_running_pods", "Pods with a running sandbox.")
RUNNING_CONTAINERS = gauge("kubelet_running_containers", "Containers by state.", ["container_state"])


@remember
def operation(call: str) -> str:
    """Upstream's name of a CRI call: `RunPodSandbox` is `run_podsandbox`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", call.replace("PodSandbox", "Podsandbox")).lower()


def observe_runtime(cache: RuntimeCache) -> None:
    """Let the gauges show the runtime's state whenever they are read."""
    RUNNING_PODS.set_function(
        lambda: sum(bool(pod.sandbox and pod.sandbox.ready) for pod in cache.pods.values())
    )
    for state in ("created", "running", "exited"):
        RUNNING_CONTAINERS.labels(state).set_function(partial(count, cache, state))


def count(cache: RuntimeCache, state: str) -> int:
    """How many containers are in that state."""
    return sum(one.state == state for pod in cache.pods.values() for one in pod.containers)
