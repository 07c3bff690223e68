"""Volumes, claims and storage plug-ins as tables show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api.tables.cluster import bytes_text
from steersman.api.tables.columns import NONE, UNSET, age, joined, metadata, name, spec, status, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object

_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def _modes(modes: Iterable[str] | None) -> str:
    present = set(modes or ())
    return ",".join(short for mode, short in _MODES.items() if mode in present)


def _class_of(obj: Object) -> str:
    annotated = (metadata(obj).get("annotations") or {}).get(_CLASS_ANNOTATION)
    return annotated or spec(obj).get("storageClassName") or ""


def _phase(obj: Object) -> str:
    return "Terminating" if metadata(obj).get("deletionTimestamp") else status(obj).get("phase") or ""


def volume_cells(obj: Object, now: float) -> list[Any]:
    wanted = spec(obj)
    claim = wanted.get("claimRef")
    return [
        name(obj),
        bytes_text((wanted.get("capacity") or {}).get("storage", "")),
        _modes(wanted.get("accessModes")),
        wanted.get("persistentVolumeReclaimPolicy") or "",
        _phase(obj),
        f"{claim.get('namespace')}/{claim.get('name')}" if claim else "",
        _class_of(obj),
        wanted.get("volumeAttributesClassName") or UNSET,
        status(obj).get("reason") or "",
        age(obj, now),
        wanted.get("volumeMode") or UNSET,
    ]


def claim_cells(obj: Object, now: float) -> list[Any]:
    wanted, found = spec(obj), status(obj)
    bound = bool(wanted.get("volumeName"))
    return [
        name(obj),
        _phase(obj),
        wanted.get("volumeName") or "",
        bytes_text((found.get("capacity") or {}).get("storage", "")) if bound else "",
        _modes(found.get("accessModes")) if bound else "",
        _class_of(obj),
        found.get("currentVolumeAttributesClassName") or UNSET,
        age(obj, now),
        wanted.get("volumeMode") or UNSET,
    ]


def attachment_cells(obj: Object, now: float) -> list[Any]:
    wanted = spec(obj)
    volume = (wanted.get("source") or {}).get("persistentVolumeName") or ""
    attached = bool(status(obj).get("attached"))
    return [
        name(obj),
        wanted.get("attacher") or "",
        volume,
        wanted.get("nodeName") or "",
        attached,
        age(obj, now),
    ]


def csi_driver_cells(obj: Object, now: float) -> list[Any]:
    wanted = spec(obj)
    tokens = joined((t.get("audience") or "" for t in wanted.get("tokenRequests") or ()), UNSET)
    return [
        name(obj),
        bool(wanted.get("attachRequired", True)),
        bool(wanted.get("podInfoOnMount")),
        bool(wanted.get("storageCapacity")),
        tokens,
        bool(wanted.get("requiresRepublish")),
        joined(wanted.get("volumeLifecycleModes") or ()),
        age(obj, now),
    ]


def csi_node_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), len(spec(obj).get("drivers") or ()), age(obj, now)]


def capacity_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), obj.get("storageClassName") or "", bytes_text(obj.get("capacity") or NONE)]


def attributes_class_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), obj.get("driverName") or "", age(obj, now)]


PERSISTENT_VOLUMES = table(
    volume_cells,
    (
        "Name",
        "Capacity",
        "Access Modes",
        "Reclaim Policy",
        "Status",
        "Claim",
        "StorageClass",
        "VolumeAttributesClass",
        "Reason",
        "Age",
        "VolumeMode",
    ),
    wide=("VolumeMode",),
)
PERSISTENT_VOLUME_CLAIMS = table(
    claim_cells,
    (
        "Name",
        "Status",
        "Volume",
        "Capacity",
        "Access Modes",
        "StorageClass",
        "VolumeAttributesClass",
        "Age",
        "VolumeMode",
    ),
    wide=("VolumeMode",),
)
VOLUME_ATTACHMENTS = table(
    attachment_cells, ("Name", "Attacher", "PV", "Node", "Attached", "Age"), booleans=("Attached",)
)
_FLAGS = ("AttachRequired", "PodInfoOnMount", "StorageCapacity", "RequiresRepublish")
CSI_DRIVERS = table(
    csi_driver_cells,
    (
        "Name",
        "AttachRequired",
        "PodInfoOnMount",
        "StorageCapacity",
        "TokenRequests",
        "RequiresRepublish",
        "Modes",
        "Age",
    ),
    booleans=_FLAGS,
)
CSI_NODES = table(csi_node_cells, ("Name", "Drivers", "Age"), numbers=("Drivers",))
CSI_STORAGE_CAPACITIES = table(capacity_cells, ("Name", "StorageClassName", "Capacity"))
VOLUME_ATTRIBUTES_CLASSES = table(attributes_class_cells, ("Name", "DriverName", "Age"))
