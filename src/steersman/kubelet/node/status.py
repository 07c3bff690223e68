"""The status of this node (pure): capacity, conditions, addresses, info, images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steersman.api import quantity
from steersman.api.times import rfc3339
from steersman.kubelet.config import VERSION, KubeletConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object
    from steersman.kubelet.node.machine import Machine

SHOWN_IMAGES = 50
SCALARS = ("cpu", "pods")


@dataclass(frozen=True, slots=True)
class Observed:
    """What the kubelet saw of its node just now."""

    runtime_version: str = ""
    """as `containerd://1.6.20`"""
    not_ready: str = ""
    """why the node is not ready; "" when it is"""
    memory_pressure: bool = False
    disk_pressure: bool = False
    pid_pressure: bool = False
    disk_bytes: int = 0
    images: tuple[tuple[tuple[str, ...], int], ...] = ()
    """(names, bytes) of each image"""


def capacity(config: KubeletConfig, machine: Machine, disk_bytes: int) -> dict[str, str]:
    return {
        "cpu": str(machine.cores),
        "memory": f"{machine.memory // 1024}Ki",
        "ephemeral-storage": f"{disk_bytes // 1024}Ki",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "pods": str(config.max_pods),
    }


def allocatable(config: KubeletConfig, whole: Mapping[str, str]) -> dict[str, str]:
    """Capacity less what is reserved and what the eviction thresholds hold free."""
    held = {name: quantity.parse(amount) for name, amount in config.reserved.items()}
    held["memory"] = held.get("memory", quantity.parse(0)) + quantity.parse(config.eviction_memory)
    disk = quantity.value(whole["ephemeral-storage"])
    held["ephemeral-storage"] = held.get("ephemeral-storage", quantity.parse(0)) + disk_floor(config, disk)
    result = {}
    for name, amount in whole.items():
        left = max(quantity.parse(amount) - held.get(name, 0), quantity.parse(0))
        if name == "memory":
            result[name] = f"{int(left) // 1024}Ki"
        elif name == "cpu":
            result[name] = quantity.format(left, "DecimalSI")
        else:
            result[name] = str(int(left))
    return result


def disk_floor(config: KubeletConfig, disk_bytes: int) -> int:
    """Bytes of a disk that must stay free."""
    return min(disk_bytes * config.eviction_disk_percent // 100, config.eviction_disk_bytes)


def node_status(
    config: KubeletConfig, machine: Machine, seen: Observed, ips: tuple[str, ...], port: int
) -> Object:
    """The node's status without times in its conditions."""
    whole = capacity(config, machine, seen.disk_bytes)
    addresses = [{"type": "InternalIP", "address": ip} for ip in ips]
    addresses.append({"type": "Hostname", "address": config.hostname or config.node_name})
    return {
        "addresses": addresses,
        "capacity": whole,
        "allocatable": allocatable(config, whole),
        "conditions": conditions(seen),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "nodeInfo": {
            "machineID": machine.machine_id,
            "systemUUID": machine.system_uuid,
            "bootID": machine.boot_id,
            "kernelVersion": machine.kernel,
            "osImage": machine.os_image,
            "containerRuntimeVersion": seen.runtime_version,
            "kubeletVersion": VERSION,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": machine.architecture,
        },
        "images": [
            {"names": list(names[:5]), "sizeBytes": size}
            for names, size in sorted(seen.images, key=lambda image: image[1], reverse=True)[:SHOWN_IMAGES]
        ],
    }


def conditions(seen: Observed) -> list[Object]:
    """MemoryPressure, DiskPressure, PIDPressure and Ready with upstream's reasons."""
    return [
        _pressure(
            "MemoryPressure",
            seen.memory_pressure,
            ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
            ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ),
        _pressure(
            "DiskPressure",
            seen.disk_pressure,
            ("KubeletHasDiskPressure", "kubelet has disk pressure"),
            ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ),
        _pressure(
            "PIDPressure",
            seen.pid_pressure,
            ("KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
            ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ),
        {
            "type": "Ready",
            "status": "False" if seen.not_ready else "True",
            "reason": "KubeletNotReady" if seen.not_ready else "KubeletReady",
            "message": seen.not_ready or "kubelet is posting ready status",
        },
    ]


def _pressure(kind: str, under: bool, yes: tuple[str, str], no: tuple[str, str]) -> Object:
    reason, message = yes if under else no
    return {"type": kind, "status": "True" if under else "False", "reason": reason, "message": message}


def stamped(fresh: list[Object], known: Mapping[str, Any], now: float) -> list[Object]:
    """Conditions with their times: the transition kept from `known` (by type) while the status is the
    same.
    """
    result = []
    for condition in fresh:
        old = known.get(condition["type"])
        same = old is not None and old["status"] == condition["status"]
        since = old["lastTransitionTime"] if old is not None and same else rfc3339(now)
        result.append({**condition, "lastHeartbeatTime": rfc3339(now), "lastTransitionTime": since})
    return result


def transitions(fresh: list[Object], known: Mapping[str, Any]) -> list[str]:
    """Reasons of the node events for the conditions that changed, such as `NodeReady`."""
    names = {
        ("MemoryPressure", "True"): "NodeHasInsufficientMemory",
        ("MemoryPressure", "False"): "NodeHasSufficientMemory",
        ("DiskPressure", "True"): "NodeHasDiskPressure",
        ("DiskPressure", "False"): "NodeHasNoDiskPressure",
        ("PIDPressure", "True"): "NodeHasInsufficientPID",
        ("PIDPressure", "False"): "NodeHasSufficientPID",
        ("Ready", "True"): "NodeReady",
        ("Ready", "False"): "NodeNotReady",
    }
    changed = []
    for condition in fresh:
        old = known.get(condition["type"])
        if old is None and condition["type"] == "Ready" and condition["status"] == "False":
            continue  # a node that has just come is not ready: no news
        if old is None or old["status"] != condition["status"]:
            changed.append(names[condition["type"], condition["status"]])
    return changed
