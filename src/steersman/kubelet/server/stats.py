"""/metrics/resource: the node's, pods' and containers' CPU and memory in the Prometheus format. Pure.

Made from the Summary that `PodAccess.stats_summary` gives. Names are those of the kubelet's resource metrics
(KEP-727).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.types import Object

_FAMILIES = (
    ("node_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the node in core-seconds"),
    ("node_memory_working_set_bytes", "gauge", "Current working set of the node in bytes"),
    ("pod_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the pod in core-seconds"),
    ("pod_memory_working_set_bytes", "gauge", "Current working set of the pod in bytes"),
    (
        "container_cpu_usage_seconds_total",
        "counter",
        "Cumulative cpu time consumed by the container in core-seconds",
    ),
    ("container_memory_working_set_bytes", "gauge", "Current working set of the container in bytes"),
)


def resource_metrics(summary: Object) -> str:
    samples: dict[str, list[str]] = {}
    for scope, labels, stats in _subjects(summary):
        cpu = (stats.get("cpu") or {}).get("usageCoreNanoSeconds")
        memory = (stats.get("memory") or {}).get("workingSetBytes")
        if cpu is not None:
            samples.setdefault(f"{scope}_cpu_usage_seconds_total", []).append(f"{labels} {cpu / 1e9:.9g}")
        if memory is not None:
            samples.setdefault(f"{scope}_memory_working_set_bytes", []).append(f"{labels} {memory}")
    lines: list[str] = []
    for name, kind, text in _FAMILIES:
        if name in samples:
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
            lines += [name + sample for sample in samples[name]]
    lines += [
        "# HELP resource_scrape_error 1 if there was an error while getting container metrics, 0 otherwise",
        "# TYPE resource_scrape_error gauge",
        "resource_scrape_error 0",
    ]
    return "\n".join(lines) + "\n"


def _subjects(summary: Object) -> Iterator[tuple[str, str, Object]]:
    """(scope, label text, statistics) of the node, every pod and every container."""
    yield "node", "", summary.get("node") or {}
    for pod in summary.get("pods") or ():
        reference = pod.get("podRef") or {}
        where = f'namespace="{reference.get("namespace", "")}",pod="{reference.get("name", "")}"'
        yield "pod", f"{{{where}}}", pod
        for container in pod.get("containers") or ():
            yield "container", f'{{container="{container.get("name", "")}",{where}}}', container
