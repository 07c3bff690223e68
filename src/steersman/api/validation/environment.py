"""Checks of a container's environment: `env`, `envFrom`, and references to fields of the pod."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from steersman.api import fields, names
from steersman.api.validation import rules

if TYPE_CHECKING:
    from collections.abc import Collection

    from steersman.api.fields import FieldError, Path
    from steersman.api.types import Object

_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_ENV_FIELDS = frozenset(
    {
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    }
)
VOLUME_FIELDS = frozenset(
    {"metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid"}
)
"""Fields a downward API volume can show."""
_SUBSCRIPT = re.compile(r"(metadata\.(?:labels|annotations))\['(.+)'\]\Z")
_RESOURCE = re.compile(r"(?:limits|requests)\.(?:cpu|memory|ephemeral-storage|hugepages-.+)\Z")


def environment(path: Path, variables: list[Object]) -> list[FieldError]:
    """Check `env`."""
    errors: list[FieldError] = []
    for index, variable in enumerate(variables):
        here = path.index(index)
        errors += rules.required_name(here.child("name"), variable.get("name"), names.is_env_var)
        source = variable.get("valueFrom")
        if source is not None:
            errors += _source(here.child("valueFrom"), source, bool(variable.get("value")))
    return errors


def _source(path: Path, source: Object, has_value: bool) -> list[FieldError]:
    present = [name for name in _SOURCES if source.get(name) is not None]
    if not present:
        listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        return [fields.invalid(path, "", f"must specify one of: {listed}")]
    if has_value:
        return [fields.invalid(path, "", "may not be specified when `value` is not empty")]
    if len(present) > 1:
        return [fields.invalid(path, "", "may not have more than one field specified at a time")]
    name = present[0]
    here, found = path.child(name), source[name]
    if name == "fieldRef":
        return field_reference(here, found, _ENV_FIELDS)
    if name == "resourceFieldRef":
        return resource_reference(here, found)
    if name == "fileKeyRef":
        return [
            error
            for part in ("volumeName", "path", "key")
            for error in rules.required(here.child(part), found.get(part))
        ]
    return _key_reference(here, found)


def field_reference(path: Path, reference: Object, allowed: Collection[str]) -> list[FieldError]:
    """Check a `fieldRef`."""
    errors = rules.required(path.child("apiVersion"), reference.get("apiVersion"))
    wanted = reference.get("fieldPath")
    here = path.child("fieldPath")
    if not wanted:
        return [*errors, fields.required(here)]
    match = _SUBSCRIPT.match(wanted)
    if match:
        return errors + rules.complaints(here, match[2], names.is_qualified_name(match[2].lower()))
    if wanted in allowed:
        return errors
    if wanted.startswith(("metadata.", "spec.", "status.")) and wanted in _ENV_FIELDS | VOLUME_FIELDS:
        return [*errors, fields.not_supported(here, wanted, allowed)]
    text = f"error converting fieldPath: field label not supported: {wanted}"
    return [*errors, fields.invalid(here, wanted, text)]


def resource_reference(path: Path, reference: Object, *, volume: bool = False) -> list[FieldError]:
    """Check a `resourceFieldRef`; volumes must name the container."""
    errors: list[FieldError] = []
    if volume:
        errors += rules.required(path.child("containerName"), reference.get("containerName"))
    wanted = reference.get("resource")
    if not wanted:
        return [*errors, fields.required(path.child("resource"))]
    if not _RESOURCE.match(wanted):
        listed = [f"{side}.{name}" for side in ("limits", "requests") for name in ("cpu", "memory")]
        errors.append(fields.not_supported(path.child("resource"), wanted, listed))
    return errors


def _key_reference(path: Path, reference: Object) -> list[FieldError]:
    errors = rules.required(path.child("name"), reference.get("name"))
    return errors + rules.required_name(path.child("key"), reference.get("key"), names.is_config_key)


def sources(path: Path, found: list[Object]) -> list[FieldError]:
    """Check `envFrom`."""
    errors: list[FieldError] = []
    for index, source in enumerate(found):
        here = path.index(index)
        if source.get("prefix"):
            errors += rules.complaints(
                here.child("prefix"), source["prefix"], names.is_env_var(source["prefix"])
            )
        present = [name for name in ("configMapRef", "secretRef") if source.get(name) is not None]
        if not present:
            errors.append(fields.invalid(here, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(present) > 1:
            errors.append(fields.invalid(here, "", "may not have more than one field specified at a time"))
        else:
            reference = source[present[0]].get("name")
            errors += rules.required_name(
                here.child(present[0]).child("name"), reference, names.is_dns1123_subdomain
            )
    return errors
