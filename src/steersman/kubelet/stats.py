"""What pods and the node use, in the shape of the kubelet's Summary (stats/v1alpha1).

Containers' figures come from the runtime, the node's from the kernel.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from steersman.api.times import rfc3339
from steersman.kubelet.cri.observed import CONTAINER_NAME, POD_UID
from steersman.kubelet.node.machine import memory_info

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object
    from steersman.kubelet.cgroups import Cgroups

_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")  # nanoseconds


def summary(node: str, pods: Iterable[Object], stats: Iterable[Any], cgroups: Cgroups, now: float) -> Object:
    """`{"node": {...}, "pods": [...]}` of the containers that run."""
    by_pod: dict[str, list[Object]] = {}
    for item in stats:
        labels = item.attributes.labels
        if labels.get(POD_UID) and item.HasField("cpu"):  # what has ended uses no CPU
            by_pod.setdefault(labels[POD_UID], []).append(container_stats(labels[CONTAINER_NAME], item))
    entries = []
    for pod in pods:
        meta = pod["metadata"]
        containers = by_pod.get(meta["uid"], [])
        entries.append(
            {
                "podRef": {key: meta[key] for key in ("name", "namespace", "uid")},
                "startTime": (pod.get("status") or {}).get("startTime"),
                "containers": containers,
                "cpu": _total(containers, "cpu", "usageCoreNanoSeconds", now),
                "memory": _total(containers, "memory", "workingSetBytes", now),
            }
        )
    return {"node": node_stats(node, now), "pods": entries}


def container_stats(name: str, item: Any) -> Object:
    """ContainerStats of one CRI statistics message."""
    found: Object = {"name": name}
    if item.HasField("cpu"):
        found["cpu"] = {
            "time": rfc3339(item.cpu.timestamp / 1e9),
            "usageCoreNanoSeconds": item.cpu.usage_core_nano_seconds.value,
        }
    if item.HasField("memory"):
        found["memory"] = {
            "time": rfc3339(item.memory.timestamp / 1e9),
            "workingSetBytes": item.memory.working_set_bytes.value,
        }
    if item.HasField("writable_layer"):
        layer = item.writable_layer
        found["rootfs"] = {
            "time": rfc3339(layer.timestamp / 1e9),
            "usedBytes": layer.used_bytes.value,
            "inodesUsed": layer.inodes_used.value,
        }
    return found


def _total(containers: list[Object], part: str, figure: str, now: float) -> Object:
    return {"time": rfc3339(now), figure: sum((c.get(part) or {}).get(figure, 0) for c in containers)}


def node_stats(name: str, now: float) -> Object:
    """CPU and memory of the whole machine."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, *others = map(int, file.readline().split()[1:9])
    memory = memory_info()
    return {
        "nodeName": name,
        "cpu": {
            "time": rfc3339(now),
            "usageCoreNanoSeconds": (user + nice + system + sum(others)) * _TICK,
        },
        "memory": {
            "time": rfc3339(now),
            "availableBytes": memory["MemAvailable"],
            "workingSetBytes": memory["MemTotal"] - memory["MemAvailable"],
            "usageBytes": memory["MemTotal"] - memory["MemFree"],
        },
    }
