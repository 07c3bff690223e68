"""Checks of resource lists: requests and limits of containers, capacities, quotas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import fields, names, quantity
from steersman.api.validation import rules

if TYPE_CHECKING:
    from steersman.api.fields import FieldError, Path
    from steersman.api.types import Object

_STANDARD = frozenset({"cpu", "memory", "ephemeral-storage"})
_POD_LEVEL = frozenset({"cpu", "memory"})


def is_extended(name: str) -> bool:
    """Tell whether a resource is counted in whole units and named by a vendor (`example.com/gpu`)."""
    prefix, slash, _ = name.partition("/")
    return bool(slash) and not prefix.endswith("kubernetes.io") and not name.startswith("requests.")


def requirements(path: Path, resources: Object, *, pod_level: bool = False) -> list[FieldError]:
    """Check `resources` of a container (or of a pod): names, amounts, requests within limits."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    errors: list[FieldError] = []
    for part, found in (("limits", limits), ("requests", requests)):
        for name, amount in found.items():
            here = path.child(part).key(name)
            errors += _container_resource_name(here, name, pod_level)
            errors += resource_amount(here, name, amount)
    if errors:
        return errors
    for name, amount in requests.items():
        errors += _within_limit(path.child("requests"), name, amount, limits.get(name))
    return errors


def _container_resource_name(path: Path, name: str, pod_level: bool) -> list[FieldError]:
    if name in _STANDARD and not (pod_level and name not in _POD_LEVEL):
        return []
    problems = names.is_qualified_name(name)
    if problems:
        return rules.complaints(path, name, problems)
    if name.startswith("hugepages-"):
        return []
    if pod_level:
        return [fields.not_supported(path, name, ("cpu", "memory", "hugepages-"))]
    if "/" not in name:
        return [
            fields.invalid(path, name, "must be a standard resource type or fully qualified"),
            fields.invalid(path, name, "must be a standard resource for containers"),
        ]
    return []


def resource_amount(path: Path, name: str, amount: str) -> list[FieldError]:
    """Check one amount: a quantity of at least zero, whole for what is counted in units."""
    errors = rules.amount(path, amount)
    if not errors and is_extended(name) and quantity.parse(amount).denominator != 1:
        errors.append(fields.invalid(path, amount, "must be an integer"))
    return errors


def _within_limit(path: Path, name: str, amount: str, limit: str | None) -> list[FieldError]:
    exact = is_extended(name) or name.startswith("hugepages-")
    if limit is None:
        if exact:
            return [fields.required(path, "Limit must be set for non overcommitable resources")]
        return []
    asked, bound = quantity.parse(amount), quantity.parse(limit)
    if exact and asked != bound:
        return [fields.invalid(path, amount, f"must be equal to {name} limit of {limit}")]
    if asked > bound:
        return [fields.invalid(path, amount, f"must be less than or equal to {name} limit of {limit}")]
    return []


def resource_list(path: Path, found: Object | None) -> list[FieldError]:
    """Check a plain resource list: qualified names and amounts."""
    errors: list[FieldError] = []
    for name, amount in (found or {}).items():
        here = path.key(name)
        errors += rules.complaints(here, name, names.is_qualified_name(name))
        errors += resource_amount(here, name, amount)
    return errors
