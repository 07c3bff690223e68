"""Checks of RBAC objects, leases, priority and runtime classes, and signing requests.

Source: the documented API reference of the groups.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from steersman.api import fields, names
from steersman.api.fields import Path
from steersman.api.validation import resources, rules
from steersman.api.validation.placement import tolerations

if TYPE_CHECKING:
    from steersman.api.fields import FieldError
    from steersman.api.types import Object

RBAC_GROUP = "rbac.authorization.k8s.io"
HIGHEST_USER_PRIORITY = 1_000_000_000
_SYSTEM_PRIORITIES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
_SPEC, _RULES = Path("spec"), Path("rules")


def validate_role(role: Object) -> list[FieldError]:
    return [error for index, rule in enumerate(role.get("rules") or ()) for error in _rule(index, rule, True)]


def validate_cluster_role(role: Object) -> list[FieldError]:
    errors = [
        error for index, rule in enumerate(role.get("rules") or ()) for error in _rule(index, rule, False)
    ]
    aggregation = role.get("aggregationRule")
    if aggregation is None:
        return errors
    where, selectors = (
        Path("aggregationRule", "clusterRoleSelectors"),
        aggregation.get("clusterRoleSelectors"),
    )
    if not selectors:
        text = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        return [*errors, fields.required(where, text)]
    for index, selector in enumerate(selectors):
        errors += rules.label_selector(where.index(index), selector)
    return errors


def _rule(index: int, rule: Object, namespaced: bool) -> list[FieldError]:
    here = _RULES.index(index)
    errors: list[FieldError] = []
    if not rule.get("verbs"):
        errors.append(fields.required(here.child("verbs"), "verbs must contain at least one value"))
    if rule.get("nonResourceURLs"):
        where = here.child("nonResourceURLs")
        if namespaced:
            text = "namespaced rules cannot apply to non-resource URLs"
            errors.append(fields.invalid(where, rule["nonResourceURLs"], text))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            text = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(fields.invalid(where, rule["nonResourceURLs"], text))
        return errors
    if not rule.get("apiGroups"):
        text = "resource rules must supply at least one api group"
        errors.append(fields.required(here.child("apiGroups"), text))
    if not rule.get("resources"):
        text = "resource rules must supply at least one resource"
        errors.append(fields.required(here.child("resources"), text))
    return errors


def validate_role_binding(binding: Object) -> list[FieldError]:
    return _binding(binding, ("ClusterRole", "Role"))


def validate_cluster_role_binding(binding: Object) -> list[FieldError]:
    return _binding(binding, ("ClusterRole",))


def _binding(binding: Object, kinds: tuple[str, ...]) -> list[FieldError]:
    role, where = binding.get("roleRef") or {}, Path("roleRef")
    errors = rules.one_of(where.child("apiGroup"), role.get("apiGroup") or "", (RBAC_GROUP,))
    errors += rules.one_of(where.child("kind"), role.get("kind") or "", kinds)
    errors += rules.required_name(where.child("name"), role.get("name"), names.is_path_segment)
    for index, subject in enumerate(binding.get("subjects") or ()):
        errors += _subject(Path("subjects").index(index), subject, "Role" in kinds)
    return errors


def _subject(path: Path, subject: Object, namespaced: bool) -> list[FieldError]:
    errors = rules.required(path.child("name"), subject.get("name"))
    kind, group = subject.get("kind"), subject.get("apiGroup") or ""
    if kind == "ServiceAccount":
        if subject.get("name"):
            problems = names.is_dns1123_subdomain(subject["name"])
            errors += rules.complaints(path.child("name"), subject["name"], problems)
        if group:
            errors.append(fields.not_supported(path.child("apiGroup"), group, ("",)))
        if not subject.get("namespace"):
            errors.append(fields.required(path.child("namespace")))
    elif kind in ("User", "Group"):
        errors += rules.one_of(path.child("apiGroup"), group, (RBAC_GROUP,))
    else:
        kinds = ("Group", "ServiceAccount", "User")
        errors.append(fields.not_supported(path.child("kind"), kind or "", kinds))
    return errors


def validate_binding_update(binding: Object, old: Object) -> list[FieldError]:
    if binding.get("roleRef") == old.get("roleRef"):
        return []
    return [fields.invalid(Path("roleRef"), binding.get("roleRef"), "cannot change roleRef")]


def validate_lease(lease: Object) -> list[FieldError]:
    spec = lease.get("spec") or {}
    errors = rules.positive(_SPEC.child("leaseDurationSeconds"), spec.get("leaseDurationSeconds"))
    return errors + rules.non_negative(_SPEC.child("leaseTransitions"), spec.get("leaseTransitions"))


def validate_priority_class(priority_class: Object) -> list[FieldError]:
    name = (priority_class.get("metadata") or {}).get("name") or ""
    value, where = priority_class.get("value") or 0, Path("value")
    errors: list[FieldError] = []
    if name.startswith("system-"):
        if _SYSTEM_PRIORITIES.get(name) != value:
            text = "priority class names with 'system-' prefix are reserved for system use only"
            errors.append(fields.forbidden(Path("metadata", "name"), text))
    elif value > HIGHEST_USER_PRIORITY:
        text = f"maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}"
        errors.append(fields.forbidden(where, text))
    policy = priority_class.get("preemptionPolicy")
    policies = ("Never", "PreemptLowerPriority")
    return errors + rules.required_one_of(Path("preemptionPolicy"), policy, policies)


def validate_priority_class_update(priority_class: Object, old: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    if (priority_class.get("value") or 0) != (old.get("value") or 0):
        errors.append(fields.forbidden(Path("value"), "may not be changed in an update."))
    policy = priority_class.get("preemptionPolicy")
    return errors + rules.immutable(Path("preemptionPolicy"), policy, old.get("preemptionPolicy"))


def validate_runtime_class(runtime_class: Object) -> list[FieldError]:
    handler = runtime_class.get("handler")
    errors = rules.required_name(Path("handler"), handler, names.is_dns1123_label)
    fixed = (runtime_class.get("overhead") or {}).get("podFixed")
    errors += resources.resource_list(Path("overhead", "podFixed"), fixed)
    scheduling, where = runtime_class.get("scheduling") or {}, Path("scheduling")
    errors += rules.labels(where.child("nodeSelector"), scheduling.get("nodeSelector"))
    return errors + tolerations(where.child("tolerations"), scheduling.get("tolerations") or [])


def validate_runtime_class_update(runtime_class: Object, old: Object) -> list[FieldError]:
    return rules.immutable(Path("handler"), runtime_class.get("handler"), old.get("handler"))


def validate_signing_request(request: Object) -> list[FieldError]:
    spec = request.get("spec") or {}
    errors = _pem(_SPEC.child("request"), spec.get("request"))
    if not spec.get("usages"):
        errors.append(fields.required(_SPEC.child("usages")))
    errors += rules.unique(_SPEC.child("usages"), spec.get("usages") or ())
    signer, where = spec.get("signerName") or "", _SPEC.child("signerName")
    if not signer:
        errors.append(fields.required(where))
    else:
        domain, slash, path = signer.partition("/")
        if not slash or not path or names.is_dns1123_subdomain(domain) or "." not in domain:
            text = 'must be a fully qualified domain and path of the form "example.com/signer-name"'
            errors.append(fields.invalid(where, signer, text))
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < 600:
        text = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(fields.invalid(_SPEC.child("expirationSeconds"), seconds, text))
    return errors


def _pem(path: Path, text: str | None) -> list[FieldError]:
    try:
        decoded = base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if b"-----BEGIN CERTIFICATE REQUEST-----" in decoded:
        return []
    return [fields.invalid(path, text or "", "PEM block type must be CERTIFICATE REQUEST")]


def validate_signing_request_status(request: Object, old: Object) -> list[FieldError]:
    """A decision is made once: approved and denied exclude each other and stay."""
    where = Path("status", "conditions")
    types = [c.get("type") for c in (request.get("status") or {}).get("conditions") or ()]
    errors: list[FieldError] = []
    if "Approved" in types and "Denied" in types:
        text = "Approved and Denied conditions are mutually exclusive"
        errors.append(fields.invalid(where.index(types.index("Denied")).child("type"), "Denied", text))
    before = [c.get("type") for c in (old.get("status") or {}).get("conditions") or ()]
    for kind in ("Approved", "Denied"):
        if kind in before and kind not in types:
            text = f"updates may not remove a condition of type {kind!r}"
            errors.append(fields.forbidden(where, text.replace("'", '"')))
    known = (old.get("status") or {}).get("certificate")
    if known and (request.get("status") or {}).get("certificate") != known:
        text = "updates may not change the certificate once set"
        errors.append(fields.forbidden(Path("status", "certificate"), text))
    return errors
