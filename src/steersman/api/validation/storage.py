"""Checks of volumes, claims and the storage group.

Source: the documented API reference of core/v1 and storage.k8s.io/v1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import fields, names, quantity
from steersman.api.fields import Path
from steersman.api.validation import placement, resources, rules
from steersman.api.validation.volumes import access_modes, claim_spec

if TYPE_CHECKING:
    from steersman.api.fields import FieldError
    from steersman.api.types import Object

_SPEC = Path("spec")
_RECLAIM = ("Delete", "Recycle", "Retain")
_CSI_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_NOT_SOURCES = frozenset(
    {
        "capacity",
        "accessModes",
        "claimRef",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "mountOptions",
        "volumeMode",
        "nodeAffinity",
        "volumeAttributesClassName",
    }
)


def validate_volume(volume: Object) -> list[FieldError]:
    spec = volume.get("spec") or {}
    errors = access_modes(_SPEC.child("accessModes"), spec.get("accessModes") or [])
    capacity, where = spec.get("capacity") or {}, _SPEC.child("capacity")
    if not capacity:
        errors.append(fields.required(where))
    elif set(capacity) != {"storage"}:
        errors.append(fields.not_supported(where, capacity, ("storage",)))
    errors += resources.resource_list(where, capacity)
    sources = [name for name, value in spec.items() if name not in _NOT_SOURCES and value is not None]
    if not sources:
        errors.append(fields.required(_SPEC, "must specify a volume type"))
    for name in sources[1:]:
        errors.append(fields.forbidden(_SPEC.child(name), "may not specify more than 1 volume type"))
    errors += _source(spec)
    policy = spec.get("persistentVolumeReclaimPolicy")
    errors += rules.one_of(_SPEC.child("persistentVolumeReclaimPolicy"), policy, _RECLAIM)
    errors += rules.one_of(_SPEC.child("volumeMode"), spec.get("volumeMode"), ("Block", "Filesystem"))
    errors += rules.optional_name(
        _SPEC.child("storageClassName"), spec.get("storageClassName"), names.is_dns1123_subdomain
    )
    required = ((spec.get("nodeAffinity") or {}).get("required")) if spec.get("nodeAffinity") else None
    if required is not None:
        errors += placement.node_selector(_SPEC.child("nodeAffinity", "required"), required)
    return errors


def _source(spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    host = spec.get("hostPath")
    if host is not None:
        where = _SPEC.child("hostPath", "path")
        errors += rules.required(where, host.get("path"))
        if ".." in (host.get("path") or "").split("/"):
            errors.append(fields.invalid(where, host["path"], "must not contain '..'"))
        if host.get("path") == "/" and spec.get("persistentVolumeReclaimPolicy") == "Recycle":
            text = "may not be 'recycle' for a hostPath mount of '/'"
            errors.append(fields.forbidden(_SPEC.child("persistentVolumeReclaimPolicy"), text))
    local = spec.get("local")
    if local is not None:
        errors += rules.required(_SPEC.child("local", "path"), local.get("path"))
        if spec.get("nodeAffinity") is None:
            text = "Local volume requires node affinity"
            errors.append(fields.required(_SPEC.child("nodeAffinity"), text))
    csi = spec.get("csi")
    if csi is not None:
        errors += rules.required(_SPEC.child("csi", "driver"), csi.get("driver"))
        errors += rules.required(_SPEC.child("csi", "volumeHandle"), csi.get("volumeHandle"))
    return errors


def validate_volume_update(volume: Object, old: Object) -> list[FieldError]:
    """The source of a volume never changes, nor its mode; its node affinity only from nothing."""
    spec, before = volume.get("spec") or {}, old.get("spec") or {}
    errors: list[FieldError] = []
    sources = ({*spec, *before}) - _NOT_SOURCES
    if any((spec.get(name) or None) != (before.get(name) or None) for name in sources):
        text = "spec.persistentvolumesource is immutable after creation"
        errors.append(fields.forbidden(_SPEC.child("persistentvolumesource"), text))
    errors += rules.immutable(_SPEC.child("volumeMode"), spec.get("volumeMode"), before.get("volumeMode"))
    if before.get("nodeAffinity") is not None:
        where = _SPEC.child("nodeAffinity")
        errors += rules.immutable(where, spec.get("nodeAffinity"), before["nodeAffinity"])
    return errors


def validate_claim(claim: Object) -> list[FieldError]:
    return claim_spec(_SPEC, claim.get("spec") or {})


_CLAIM_TEXT = (
    "spec is immutable after creation except resources.requests and "
    "volumeAttributesClassName for bound claims"
)


def validate_claim_update(claim: Object, old: Object) -> list[FieldError]:
    """A claim is bound once; after that it can only grow."""
    spec, before = claim.get("spec") or {}, old.get("spec") or {}
    binding = not before.get("volumeName") and bool(spec.get("volumeName"))
    free = {"resources", "volumeAttributesClassName"} | ({"volumeName"} if binding else set())
    if before.get("storageClassName") is None:
        free.add("storageClassName")  # the default class may be filled in later
    changed = [
        name for name in ({*spec, *before}) - free if (spec.get(name) or None) != (before.get(name) or None)
    ]
    if changed:
        return [fields.forbidden(_SPEC, _CLAIM_TEXT)]
    new, known = _requested(spec), _requested(before)
    if new == known or new is None or known is None:
        return []
    where = _SPEC.child("resources", "requests", "storage")
    if quantity.parse(new) < quantity.parse(known):
        capacity = ((old.get("status") or {}).get("capacity") or {}).get("storage")
        if capacity is None or quantity.parse(new) <= quantity.parse(capacity):
            return [fields.forbidden(where, "field can not be less than status.capacity")]
    elif (old.get("status") or {}).get("phase") != "Bound":
        return [fields.forbidden(_SPEC, _CLAIM_TEXT)]
    return []


def _requested(spec: Object) -> str | None:
    return ((spec.get("resources") or {}).get("requests") or {}).get("storage")


def validate_storage_class(storage_class: Object) -> list[FieldError]:
    errors = rules.required_name(
        Path("provisioner"), (storage_class.get("provisioner") or "").lower(), names.is_qualified_name
    )
    errors += rules.one_of(Path("reclaimPolicy"), storage_class.get("reclaimPolicy"), ("Delete", "Retain"))
    modes = ("Immediate", "WaitForFirstConsumer")
    mode = storage_class.get("volumeBindingMode")
    return errors + rules.required_one_of(Path("volumeBindingMode"), mode, modes)


def validate_storage_class_update(storage_class: Object, old: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for name in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
        if (storage_class.get(name) or None) != (old.get(name) or None):
            errors.append(fields.forbidden(Path(name), f"updates to {name} are forbidden."))
    return errors


def validate_csi_driver(driver: Object) -> list[FieldError]:
    spec = driver.get("spec") or {}
    errors = rules.one_of(_SPEC.child("fsGroupPolicy"), spec.get("fsGroupPolicy"), _CSI_POLICIES)
    for index, mode in enumerate(spec.get("volumeLifecycleModes") or ()):
        where = _SPEC.child("volumeLifecycleModes").index(index)
        errors += rules.one_of(where, mode, ("Ephemeral", "Persistent"))
    return errors


def validate_attachment(attachment: Object) -> list[FieldError]:
    spec = attachment.get("spec") or {}
    errors = rules.required(_SPEC.child("attacher"), spec.get("attacher"))
    errors += rules.required(_SPEC.child("nodeName"), spec.get("nodeName"))
    source = spec.get("source") or {}
    if bool(source.get("persistentVolumeName")) == bool(source.get("inlineVolumeSpec")):
        text = "exactly one of inlineVolumeSpec and persistentVolumeName must be specified"
        errors.append(fields.required(_SPEC.child("source"), text))
    return errors
