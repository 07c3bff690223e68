"""Checks of Pods: on create, and what may change afterwards.

Source: the documented rules of pod updates (concepts, "Pod update and replacement") and of their
sub-resources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api import fields
from steersman.api.fields import Path
from steersman.api.names import is_dns1123_subdomain
from steersman.api.qos import qos_class
from steersman.api.validation import placement, rules
from steersman.api.validation.podspec import container_rules, pod_spec

if TYPE_CHECKING:
    from steersman.api.fields import FieldError
    from steersman.api.types import Object

_SPEC = Path("spec")
_MUTABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def validate_pod(pod: Object) -> list[FieldError]:
    """Check a new pod."""
    spec = pod.get("spec") or {}
    errors = pod_spec(_SPEC, spec)
    if spec.get("ephemeralContainers"):
        errors.append(fields.forbidden(_SPEC.child("ephemeralContainers"), "cannot be set on create"))
    return errors


def validate_pod_update(pod: Object, old: Object) -> list[FieldError]:
    """Check a change of a pod's spec through the main resource."""
    spec, before = pod.get("spec") or {}, old.get("spec") or {}
    if spec == before:
        return []
    for part in ("containers", "initContainers"):
        if len(spec.get(part) or ()) != len(before.get(part) or ()):
            return [fields.forbidden(_SPEC.child(part), "pod updates may not add or remove containers")]
    errors = _images(spec)
    errors += _deadline(spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    errors += _tolerations(spec.get("tolerations") or [], before.get("tolerations") or [])
    errors += _gates(spec, before)
    if errors:
        return errors
    gated = bool(before.get("schedulingGates"))
    if gated:
        errors += _gated_placement(spec, before)
    changed = sorted(_compared(spec, before, gated))
    if changed:
        errors.append(fields.forbidden(_SPEC, f"{_MUTABLE}\nchanged: {', '.join(changed)}"))
    return errors


def _images(spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for part in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(part) or ()):
            image, where = container.get("image") or "", _SPEC.child(part).index(index).child("image")
            errors += rules.required(where, image)
            if image != image.strip():
                text = "must not have leading or trailing whitespace"
                errors.append(fields.invalid(where, image, text))
    return errors


def _deadline(new: int | None, old: int | None) -> list[FieldError]:
    where = _SPEC.child("activeDeadlineSeconds")
    if new is not None:
        if not 0 <= new <= 2**31 - 1:
            return [fields.invalid(where, new, "must be between 0 and 2147483647, inclusive")]
        if old is not None and old < new:
            return [fields.invalid(where, new, "must be less than or equal to previous value")]
    elif old is not None:
        return [fields.invalid(where, new, "must not update from a positive integer to nil value")]
    return []


def _tolerations(new: list[Object], old: list[Object]) -> list[FieldError]:
    def identity(toleration: Object) -> tuple[Any, ...]:
        return tuple(toleration.get(name) or "" for name in ("key", "operator", "value", "effect"))

    where = _SPEC.child("tolerations")
    present = [identity(toleration) for toleration in new]
    for toleration in old:
        if toleration in new:
            continue
        eviction_only = toleration.get("effect") == "NoExecute" and identity(toleration) in present
        if not eviction_only:
            text = "existing toleration can not be modified except its tolerationSeconds"
            return [fields.forbidden(where, text)]
    return placement.tolerations(where, new) if new != old else []


def _gates(spec: Object, before: Object) -> list[FieldError]:
    known = {gate.get("name") for gate in before.get("schedulingGates") or ()}
    added = {str(gate.get("name")) for gate in spec.get("schedulingGates") or ()} - known
    if not added:
        return []
    text = f"only deletion is allowed, but found new scheduling gates '{', '.join(sorted(added))}'"
    return [fields.forbidden(_SPEC.child("schedulingGates"), text)]


def _gated_placement(spec: Object, before: Object) -> list[FieldError]:
    """While gates hold a pod, where it may go can only become narrower."""
    selector, old = spec.get("nodeSelector") or {}, before.get("nodeSelector") or {}
    if any(selector.get(key) != value for key, value in old.items()):
        text = "only additions to `spec.nodeSelector` are allowed"
        return [fields.invalid(_SPEC.child("nodeSelector"), selector, text)]
    return rules.labels(_SPEC.child("nodeSelector"), selector)


def _compared(spec: Object, before: Object, gated: bool) -> set[str]:
    """Return the top-level fields that differ in more than what may change."""
    free = {"activeDeadlineSeconds", "tolerations", "schedulingGates"}
    if gated:
        free |= {"nodeSelector", "affinity"}
    changed = set()
    for name in ({*spec, *before}) - free:
        new, old = spec.get(name), before.get(name)
        if name in ("containers", "initContainers"):
            new, old = _without_images(new), _without_images(old)
        elif name == "terminationGracePeriodSeconds" and (old or 0) < 0 and new == 1:
            continue
        if (new or None) != (old or None):
            changed.add(name)
    return changed


def _without_images(containers: list[Object] | None) -> list[Object]:
    return [
        {name: value for name, value in container.items() if name != "image"}
        for container in containers or ()
    ]


def validate_pod_status(pod: Object, old: Object) -> list[FieldError]:
    """Check a status report."""
    errors: list[FieldError] = []
    status = pod.get("status") or {}
    nominated = status.get("nominatedNodeName")
    if nominated:
        where = Path("status", "nominatedNodeName")
        errors += rules.complaints(where, nominated, is_dns1123_subdomain(nominated))
    return errors


def validate_ephemeral_containers_update(pod: Object, old: Object) -> list[FieldError]:
    """Check a write to the ephemeralcontainers sub-resource: only additions."""
    spec = pod.get("spec") or {}
    new = spec.get("ephemeralContainers") or []
    before = (old.get("spec") or {}).get("ephemeralContainers") or []
    where = _SPEC.child("ephemeralContainers")
    checker = container_rules(spec)
    for part in ("containers", "initContainers"):
        checker.seen |= {container.get("name") or "" for container in spec.get(part) or ()}
    errors = checker.ephemeral(where, new, set(checker.seen))
    by_name = {container.get("name"): container for container in new}
    for container in before:
        name = container.get("name")
        if name not in by_name:
            text = f'existing ephemeral containers "{name}" may not be removed'
            errors.append(fields.forbidden(where, text))
        elif by_name[name] != container:
            text = f'existing ephemeral containers "{name}" may not be changed'
            errors.append(fields.forbidden(where, text))
    return errors


def validate_resize(pod: Object, old: Object, new_class: str) -> list[FieldError]:
    """Check a write to the resize sub-resource: CPU and memory only, and the QoS class stays."""
    errors = pod_spec(_SPEC, pod.get("spec") or {})
    if new_class != qos_class(old):
        text = "Pod QOS Class may not change as a result of resizing"
        errors.append(fields.invalid(_SPEC, new_class, text))
    return errors


def warnings(pod: Object) -> list[str]:
    """Return texts worth telling the client about a valid new pod."""
    found: list[str] = []
    spec = pod.get("spec") or {}
    for part in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(part) or ()):
            where = f"spec.{part}[{index}].env"
            seen: set[str] = set()
            for position, variable in enumerate(container.get("env") or ()):
                name = variable.get("name") or ""
                if name in seen:
                    found.append(
                        f'{where}[{position}]: hides previous definition of "{name}", '
                        "which may be dropped when using apply"
                    )
                seen.add(name)
    grace = spec.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0:
        found.append("spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid")
    return found
