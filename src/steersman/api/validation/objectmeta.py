"""Checks of `metadata`, the same for every kind.

Source: documented rules of ObjectMeta (API conventions; k8s apimachinery/pkg/api/validation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api import fields, names
from steersman.api.fields import Path
from steersman.api.validation import rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.fields import FieldError
    from steersman.api.kinds import Resource
    from steersman.api.types import Object

ANNOTATIONS_MAX_BYTES = 256 * 1024
_METADATA = Path("metadata")
_FIXED = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
_BANNED_OWNERS = {("v1", "Event")}


def validate_metadata(
    resource: Resource, metadata: Object, check_name: Callable[[str], list[str]]
) -> list[FieldError]:
    """Check the metadata of an object about to be stored."""
    errors = _names(resource, metadata, check_name)
    errors += rules.non_negative(_METADATA.child("generation"), metadata.get("generation"))
    if metadata.get("labels"):
        errors += rules.labels(_METADATA.child("labels"), metadata["labels"])
    if metadata.get("annotations"):
        errors += annotation_map(_METADATA.child("annotations"), metadata["annotations"])
    if metadata.get("ownerReferences"):
        errors += _owners(_METADATA.child("ownerReferences"), metadata["ownerReferences"])
    if metadata.get("finalizers"):
        errors += _finalizers(_METADATA.child("finalizers"), metadata["finalizers"])
    return errors


def _names(resource: Resource, metadata: Object, check_name: Callable[[str], list[str]]) -> list[FieldError]:
    errors: list[FieldError] = []
    prefix = metadata.get("generateName")
    if prefix:
        # What the server appends makes a trailing separator legal.
        probe = prefix[: names.LABEL_MAX - names.GENERATED_SUFFIX] + "x" * names.GENERATED_SUFFIX
        errors += rules.complaints(_METADATA.child("generateName"), prefix, check_name(probe))
    name = metadata.get("name")
    if not name:
        errors.append(fields.required(_METADATA.child("name"), "name or generateName is required"))
    else:
        errors += rules.complaints(_METADATA.child("name"), name, check_name(name))
    space = metadata.get("namespace")
    if not resource.namespaced:
        if space:
            errors.append(fields.forbidden(_METADATA.child("namespace"), "not allowed on this type"))
    elif not space:
        errors.append(fields.required(_METADATA.child("namespace")))
    else:
        errors += rules.complaints(_METADATA.child("namespace"), space, names.is_dns1123_label(space))
    return errors


def annotation_map(path: Path, found: Object) -> list[FieldError]:
    """Check annotation keys, and the size of all of them together."""
    errors: list[FieldError] = []
    size = 0
    for key, value in found.items():
        if problems := names.is_qualified_name(key.lower()):
            errors += rules.complaints(path, key, problems)
        size += len(key.encode()) + len((value or "").encode())
    if size > ANNOTATIONS_MAX_BYTES:
        errors.append(fields.too_long(path, "", ANNOTATIONS_MAX_BYTES))
    return errors


def _owners(path: Path, owners: list[Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    controller: Object | None = None
    for index, owner in enumerate(owners):
        here = path.index(index)
        if not owner.get("apiVersion"):
            errors.append(fields.invalid(here.child("apiVersion"), "", "version must not be empty"))
        for name in ("kind", "name", "uid"):
            if not owner.get(name):
                errors.append(fields.invalid(here.child(name), "", "must not be empty"))
        if (owner.get("apiVersion"), owner.get("kind")) in _BANNED_OWNERS:
            text = f"{owner['apiVersion']}, Kind={owner['kind']} is disallowed from being an owner"
            errors.append(fields.invalid(path, owner, text))
        if owner.get("controller"):
            if controller is not None:
                text = (
                    'Only one reference can have Controller set to true. Found "true" in references for '
                    f"{controller.get('name')} and {owner.get('name')}"
                )
                errors.append(fields.invalid(path, owners, text))
            controller = owner
    return errors


def _finalizers(path: Path, found: list[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for finalizer in found:
        errors += rules.complaints(path, finalizer, names.is_qualified_name(finalizer))
    if "orphan" in found and "foregroundDeletion" in found:
        text = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(fields.invalid(path, found, text))
    return errors


def validate_metadata_update(metadata: Object, old: Object) -> list[FieldError]:
    """Check a change of metadata against what may never change."""
    errors: list[FieldError] = []
    for name in _FIXED:
        if metadata.get(name) != old.get(name):
            errors.append(fields.invalid(_METADATA.child(name), metadata.get(name), rules.IMMUTABLE))
    if (metadata.get("generation") or 0) < (old.get("generation") or 0):
        errors.append(
            fields.invalid(
                _METADATA.child("generation"), metadata.get("generation"), "must not be decremented"
            )
        )
    if old.get("deletionTimestamp"):
        errors += _no_new_finalizers(metadata.get("finalizers") or [], old.get("finalizers") or [])
    return errors


def _no_new_finalizers(new: list[Any], old: list[Any]) -> list[FieldError]:
    added = [finalizer for finalizer in new if finalizer not in old]
    if not added:
        return []
    listed = ", ".join(f'"{finalizer}"' for finalizer in added)
    text = f"no new finalizers can be added if the object is being deleted, found new finalizers [{listed}]"
    return [fields.forbidden(_METADATA.child("finalizers"), text)]
