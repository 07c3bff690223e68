"""Checks of a pod spec and of pod templates.

Source: the documented API reference of PodSpec; texts as API clients know them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from steersman.api import cidr, fields, names
from steersman.api.validation import placement, resources, rules
from steersman.api.validation.container import ContainerRules, security_context
from steersman.api.validation.objectmeta import annotation_map
from steersman.api.validation.volumes import volumes

if TYPE_CHECKING:
    from collections.abc import Collection

    from steersman.api.fields import FieldError, Path
    from steersman.api.types import Object

RESTART_POLICIES = ("Always", "Never", "OnFailure")
_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_MAX_DEADLINE = 2**31 - 1
_MAX_NAMESERVERS, _MAX_SEARCHES, _MAX_SEARCH_CHARACTERS = 3, 32, 2048
_NAMES = (
    ("serviceAccountName", names.is_dns1123_subdomain),
    ("nodeName", names.is_dns1123_subdomain),
    ("priorityClassName", names.is_dns1123_subdomain),
    ("runtimeClassName", names.is_dns1123_subdomain),
    ("hostname", names.is_dns1123_label),
    ("subdomain", names.is_dns1123_label),
)


_FOUND_VALID: dict[bytes, None] = {}
"""Texts of specs without errors, oldest first: the pods of a template have the same spec."""
_MOST_KNOWN, _MOST_KNOWN_BYTES = 128, 8192


def pod_spec(path: Path, spec: Object) -> list[FieldError]:
    """Check a defaulted pod spec. What was found valid at one place is valid at every other."""
    text = orjson.dumps(spec)
    if text in _FOUND_VALID:
        return []
    errors = _pod_spec(path, spec)
    if not errors and len(text) <= _MOST_KNOWN_BYTES:
        if len(_FOUND_VALID) >= _MOST_KNOWN:
            del _FOUND_VALID[next(iter(_FOUND_VALID))]
        _FOUND_VALID[text] = None
    return errors


def _pod_spec(path: Path, spec: Object) -> list[FieldError]:
    found = spec.get("volumes") or []
    errors = volumes(path.child("volumes"), found) if found else []
    checker = container_rules(spec)
    errors += checker.main(path.child("containers"), spec.get("containers") or [])
    if spec.get("initContainers"):
        errors += checker.init(path.child("initContainers"), spec["initContainers"])
    if spec.get("ephemeralContainers"):
        others = set(checker.seen)
        errors += checker.ephemeral(path.child("ephemeralContainers"), spec["ephemeralContainers"], others)
    errors += rules.required_one_of(path.child("restartPolicy"), spec.get("restartPolicy"), RESTART_POLICIES)
    errors += _dns(path, spec)
    errors += _numbers(path, spec)
    for name, check in _NAMES:
        errors += rules.optional_name(path.child(name), spec.get(name), check)
    errors += placement.placement(path, spec)
    errors += _host(path, spec)
    errors += _rest(path, spec)
    return errors


def container_rules(spec: Object) -> ContainerRules:
    """Return what checks the containers of this pod."""
    return ContainerRules(
        volumes={volume.get("name") or "": volume for volume in spec.get("volumes") or ()},
        claims=frozenset(claim.get("name") or "" for claim in spec.get("resourceClaims") or ()),
        grace=spec.get("terminationGracePeriodSeconds"),
        host_network=bool(spec.get("hostNetwork")),
    )


def _numbers(path: Path, spec: Object) -> list[FieldError]:
    name = "terminationGracePeriodSeconds"
    errors = rules.non_negative(path.child(name), spec.get(name))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _MAX_DEADLINE:
        text = f"must be between 1 and {_MAX_DEADLINE}, inclusive"
        errors.append(fields.invalid(path.child("activeDeadlineSeconds"), deadline, text))
    return errors


def _dns(path: Path, spec: Object) -> list[FieldError]:
    errors = rules.one_of(path.child("dnsPolicy"), spec.get("dnsPolicy"), _DNS_POLICIES)
    config, here = spec.get("dnsConfig") or {}, path.child("dnsConfig")
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    if spec.get("dnsPolicy") == "None" and not servers:
        text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        errors.append(fields.required(here.child("nameservers"), text))
    if len(servers) > _MAX_NAMESERVERS:
        text = f"must not have more than {_MAX_NAMESERVERS} nameservers"
        errors.append(fields.invalid(here.child("nameservers"), servers, text))
    for index, server in enumerate(servers):
        errors += rules.complaints(here.child("nameservers").index(index), server, cidr.is_ip(server))
    if len(searches) > _MAX_SEARCHES:
        text = f"must not have more than {_MAX_SEARCHES} search paths"
        errors.append(fields.invalid(here.child("searches"), searches, text))
    if len(" ".join(searches)) > _MAX_SEARCH_CHARACTERS:
        limit = f"{_MAX_SEARCH_CHARACTERS} characters (including spaces)"
        text = f"must not have more than {limit} in the search list"
        errors.append(fields.invalid(here.child("searches"), searches, text))
    for index, option in enumerate(config.get("options") or ()):
        errors += rules.required(here.child("options").index(index), option.get("name"), "must not be empty")
    return errors


def _host(path: Path, spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    context = spec.get("securityContext")
    if context:
        errors += security_context(path.child("securityContext"), context)
        for index, sysctl in enumerate(context.get("sysctls") or ()):
            where = path.child("securityContext", "sysctls").index(index).child("name")
            errors += rules.required(where, sysctl.get("name"))
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        text = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(fields.invalid(path.child("shareProcessNamespace"), True, text))
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        here = path.child("hostAliases").index(index)
        errors += rules.complaints(here.child("ip"), alias.get("ip"), cidr.is_ip(alias.get("ip") or ""))
        for position, name in enumerate(alias.get("hostnames") or ()):
            where = here.child("hostnames").index(position)
            errors += rules.complaints(where, name, names.is_dns1123_subdomain(name))
    return errors


def _rest(path: Path, spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        kind = gate.get("conditionType") or ""
        where = path.child("readinessGates").index(index).child("conditionType")
        errors += rules.complaints(where, kind, names.is_qualified_name(kind))
    policies = ("Never", "PreemptLowerPriority")
    errors += rules.one_of(path.child("preemptionPolicy"), spec.get("preemptionPolicy"), policies)
    if spec.get("overhead"):
        errors += resources.resource_list(path.child("overhead"), spec["overhead"])
    if spec.get("resources"):
        errors += resources.requirements(path.child("resources"), spec["resources"], pod_level=True)
    if spec.get("os") is not None:
        errors += rules.required_one_of(
            path.child("os", "name"), spec["os"].get("name"), ("linux", "windows")
        )
    for index, claim in enumerate(spec.get("resourceClaims") or ()):
        here = path.child("resourceClaims").index(index)
        errors += rules.required_name(here.child("name"), claim.get("name"), names.is_dns1123_label)
        if bool(claim.get("resourceClaimName")) == bool(claim.get("resourceClaimTemplateName")):
            text = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            errors.append(fields.invalid(here, claim, text))
    return errors


def pod_template(
    path: Path,
    template: Object | None,
    *,
    restart_policies: Collection[str] = ("Always",),
) -> list[FieldError]:
    """Check a template; most controllers allow only pods that are restarted always."""
    if template is None:
        return [fields.required(path)]
    metadata, spec = template.get("metadata") or {}, template.get("spec")
    errors = rules.labels(path.child("metadata", "labels"), metadata.get("labels"))
    if metadata.get("annotations"):
        errors += annotation_map(path.child("metadata", "annotations"), metadata["annotations"])
    if spec is None:
        return [*errors, fields.required(path.child("spec", "containers"))]
    errors += pod_spec(path.child("spec"), spec)
    if spec.get("ephemeralContainers"):
        text = "ephemeral containers not allowed in pod template"
        errors.append(fields.forbidden(path.child("spec", "ephemeralContainers"), text))
    policy = spec.get("restartPolicy")
    if policy in RESTART_POLICIES:
        errors += rules.one_of(path.child("spec", "restartPolicy"), policy, restart_policies)
    return errors
