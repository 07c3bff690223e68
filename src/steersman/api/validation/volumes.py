"""Checks of a pod's volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import fields, names
from steersman.api.validation import environment, rules
from steersman.api.validation.container import PULL_POLICIES, relative_path

if TYPE_CHECKING:
    from steersman.api.fields import FieldError, Path
    from steersman.api.types import Object

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_MIN_TOKEN_SECONDS, _MAX_TOKEN_SECONDS = 600, 2**32
_PROJECTIONS = (
    "secret",
    "configMap",
    "downwardAPI",
    "serviceAccountToken",
    "clusterTrustBundle",
    "podCertificate",
)


def volumes(path: Path, found: list[Object]) -> list[FieldError]:
    """Check all volumes: unique names, one source each."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, volume in enumerate(found):
        here, name = path.index(index), volume.get("name") or ""
        if name and name in seen:
            errors.append(fields.duplicate(here.child("name"), name))
        else:
            errors += rules.required_name(here.child("name"), name, names.is_dns1123_label)
        seen.add(name)
        errors += _one_source(here, volume)
    return errors


def _one_source(path: Path, volume: Object) -> list[FieldError]:
    present = [name for name, source in volume.items() if name != "name" and source is not None]
    if not present:
        return [fields.required(path, "must specify a volume type")]
    errors: list[FieldError] = [
        fields.forbidden(path.child(name), "may not specify more than 1 volume type") for name in present[1:]
    ]
    check = _SOURCES.get(present[0])
    return errors + check(path.child(present[0]), volume[present[0]]) if check else errors


def _mode(path: Path, mode: int | None) -> list[FieldError]:
    if mode is None or 0 <= mode <= 0o777:
        return []
    return [fields.invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive")]


def _items(path: Path, items: list[Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, item in enumerate(items):
        here = path.index(index)
        errors += rules.required(here.child("key"), item.get("key"))
        errors += _file(here, item)
    return errors


def _file(path: Path, item: Object) -> list[FieldError]:
    errors = rules.required(path.child("path"), item.get("path"))
    if item.get("path"):
        errors += relative_path(path.child("path"), item["path"])
    return errors + _mode(path.child("mode"), item.get("mode"))


def _secret(path: Path, source: Object) -> list[FieldError]:
    errors = rules.required(path.child("secretName"), source.get("secretName"))
    errors += _mode(path.child("defaultMode"), source.get("defaultMode"))
    return errors + _items(path.child("items"), source.get("items") or [])


def _config_map(path: Path, source: Object) -> list[FieldError]:
    errors = rules.required(path.child("name"), source.get("name"))
    errors += _mode(path.child("defaultMode"), source.get("defaultMode"))
    return errors + _items(path.child("items"), source.get("items") or [])


def _downward(path: Path, source: Object) -> list[FieldError]:
    errors = _mode(path.child("defaultMode"), source.get("defaultMode"))
    for index, item in enumerate(source.get("items") or ()):
        here = path.child("items").index(index)
        errors += _file(here, item)
        if item.get("fieldRef") is not None:
            reference = item["fieldRef"]
            errors += environment.field_reference(
                here.child("fieldRef"), reference, environment.VOLUME_FIELDS
            )
            if item.get("resourceFieldRef") is not None:
                text = "fieldRef and resourceFieldRef can not be specified simultaneously"
                errors.append(fields.invalid(here, "resource", text))
        elif item.get("resourceFieldRef") is not None:
            reference = item["resourceFieldRef"]
            errors += environment.resource_reference(here.child("resourceFieldRef"), reference, volume=True)
        else:
            errors.append(fields.required(here, "one of fieldRef and resourceFieldRef is required"))
    return errors


def _projected(path: Path, source: Object) -> list[FieldError]:
    errors = _mode(path.child("defaultMode"), source.get("defaultMode"))
    for index, part in enumerate(source.get("sources") or ()):
        here = path.child("sources").index(index)
        present = [name for name in _PROJECTIONS if part.get(name) is not None]
        if len(present) > 1:
            errors.append(fields.forbidden(here, "may not specify more than 1 volume type per source"))
        elif not present:
            errors.append(fields.required(here, "must specify at least one source"))
        else:
            errors += _projection(here.child(present[0]), present[0], part[present[0]])
    return errors


def _projection(path: Path, kind: str, part: Object) -> list[FieldError]:
    if kind in ("secret", "configMap"):
        errors = rules.required(path.child("name"), part.get("name"))
        return errors + _items(path.child("items"), part.get("items") or [])
    if kind == "downwardAPI":
        return _downward(path, part)
    if kind != "serviceAccountToken":
        return []
    errors = rules.required(path.child("path"), part.get("path"))
    seconds = part.get("expirationSeconds")
    where = path.child("expirationSeconds")
    if seconds is not None and seconds < _MIN_TOKEN_SECONDS:
        errors.append(fields.invalid(where, seconds, "may not specify a duration less than 10 minutes"))
    elif seconds is not None and seconds > _MAX_TOKEN_SECONDS:
        errors.append(fields.invalid(where, seconds, "may not specify a duration larger than 2^32 seconds"))
    return errors


def _empty_dir(path: Path, source: Object) -> list[FieldError]:
    limit = source.get("sizeLimit")
    return [] if limit is None else rules.amount(path.child("sizeLimit"), limit)


def _host_path(path: Path, source: Object) -> list[FieldError]:
    errors = rules.required(path.child("path"), source.get("path"))
    if ".." in (source.get("path") or "").split("/"):
        errors.append(fields.invalid(path.child("path"), source["path"], "must not contain '..'"))
    return errors + rules.one_of(path.child("type"), source.get("type"), _HOST_PATH_TYPES)


def _claim(path: Path, source: Object) -> list[FieldError]:
    return rules.required(path.child("claimName"), source.get("claimName"))


def _nfs(path: Path, source: Object) -> list[FieldError]:
    errors = rules.required(path.child("server"), source.get("server"))
    errors += rules.required(path.child("path"), source.get("path"))
    if source.get("path") and not source["path"].startswith("/"):
        errors.append(fields.invalid(path.child("path"), source["path"], "must be an absolute path"))
    return errors


def _csi(path: Path, source: Object) -> list[FieldError]:
    return rules.required(path.child("driver"), source.get("driver"))


def _ephemeral(path: Path, source: Object) -> list[FieldError]:
    template = source.get("volumeClaimTemplate")
    if template is None:
        return [fields.required(path.child("volumeClaimTemplate"))]
    return claim_spec(path.child("volumeClaimTemplate", "spec"), template.get("spec") or {})


def _image(path: Path, source: Object) -> list[FieldError]:
    errors = rules.required(path.child("reference"), source.get("reference"))
    return errors + rules.one_of(path.child("pullPolicy"), source.get("pullPolicy"), PULL_POLICIES)


_SOURCES = {
    "secret": _secret,
    "configMap": _config_map,
    "downwardAPI": _downward,
    "projected": _projected,
    "emptyDir": _empty_dir,
    "hostPath": _host_path,
    "persistentVolumeClaim": _claim,
    "nfs": _nfs,
    "csi": _csi,
    "ephemeral": _ephemeral,
    "image": _image,
}


def access_modes(path: Path, modes: list[str]) -> list[FieldError]:
    """Check the access modes of a volume or a claim."""
    if not modes:
        return [fields.required(path, "at least 1 access mode is required")]
    errors: list[FieldError] = []
    for mode in modes:
        errors += rules.one_of(path, mode, ACCESS_MODES)
    if "ReadWriteOncePod" in modes and len(set(modes)) > 1:
        text = "may not use ReadWriteOncePod with other access modes"
        errors.append(fields.forbidden(path, text))
    return errors


def claim_spec(path: Path, spec: Object) -> list[FieldError]:
    """Check the spec of a PersistentVolumeClaim."""
    errors = access_modes(path.child("accessModes"), spec.get("accessModes") or [])
    errors += rules.label_selector(path.child("selector"), spec.get("selector"))
    requests = (spec.get("resources") or {}).get("requests") or {}
    where = path.child("resources")
    if "storage" not in requests:
        errors.append(fields.required(where.key("storage")))
    else:
        problems = rules.amount(where.child("requests").key("storage"), requests["storage"])
        errors += problems
        if not problems and str(requests["storage"]) == "0":
            errors.append(fields.invalid(where.key("storage"), requests["storage"], rules.NOT_POSITIVE))
    errors += rules.optional_name(
        path.child("storageClassName"), spec.get("storageClassName"), names.is_dns1123_subdomain
    )
    return errors + rules.one_of(path.child("volumeMode"), spec.get("volumeMode"), ("Block", "Filesystem"))
