"""Checks of Services.

Source: the documented Service API; k8s pkg/apis/core/validation for the texts clients know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api import cidr, fields, names
from steersman.api.fields import Path
from steersman.api.validation import rules
from steersman.api.validation.container import PROTOCOLS

if TYPE_CHECKING:
    from steersman.api.fields import FieldError
    from steersman.api.types import Object

_SPEC = Path("spec")
TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_POLICIES = ("Cluster", "Local")
_MAX_AFFINITY_SECONDS = 86400


def validate_service(service: Object) -> list[FieldError]:
    """Check a Service whose addresses have been settled."""
    spec = service.get("spec") or {}
    headless = spec.get("clusterIP") == "None"
    errors = _ports(spec, headless)
    errors += rules.required_one_of(_SPEC.child("type"), spec.get("type"), TYPES)
    errors += _type(spec, headless)
    if spec.get("selector"):
        errors += rules.labels(_SPEC.child("selector"), spec["selector"])
    errors += _affinity(spec)
    errors += _addresses(spec)
    errors += _traffic(spec)
    return errors


def _ports(spec: Object, headless: bool) -> list[FieldError]:
    ports, where = spec.get("ports") or [], _SPEC.child("ports")
    if not ports and not headless and spec.get("type") != "ExternalName":
        return [fields.required(where)]
    errors: list[FieldError] = []
    seen_names: set[str] = set()
    seen: set[tuple[Any, Any]] = set()
    node_ports: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        here, name = where.index(index), port.get("name") or ""
        errors += _port_name(here.child("name"), name, seen_names, len(ports) > 1)
        errors += rules.port_number(here.child("port"), port.get("port"))
        errors += rules.required_one_of(here.child("protocol"), port.get("protocol"), PROTOCOLS)
        if spec.get("type") != "ExternalName":
            errors += rules.port_or_name(here.child("targetPort"), port.get("targetPort"))
        if port.get("appProtocol"):
            value = port["appProtocol"]
            errors += rules.complaints(here.child("appProtocol"), value, names.is_qualified_name(value))
        pair = (port.get("protocol"), port.get("port"))
        if pair in seen:
            shown = {"protocol": pair[0], "port": pair[1]}
            errors.append(fields.duplicate(here, shown))
        seen.add(pair)
        if port.get("nodePort"):
            errors += _node_port(here.child("nodePort"), port, spec, node_ports)
    return errors


def _port_name(path: Path, name: str, seen: set[str], needed: bool) -> list[FieldError]:
    if not name:
        return [fields.required(path)] if needed else []
    errors = rules.complaints(path, name, names.is_dns1123_label(name))
    if name in seen:
        errors.append(fields.duplicate(path, name))
    seen.add(name)
    return errors


def _node_port(path: Path, port: Object, spec: Object, seen: set[tuple[Any, Any]]) -> list[FieldError]:
    if spec.get("type") not in ("NodePort", "LoadBalancer"):
        return [fields.forbidden(path, f"may not be used when `type` is '{spec.get('type')}'")]
    pair = (port.get("protocol"), port["nodePort"])
    if pair in seen:
        return [fields.duplicate(path, port["nodePort"])]
    seen.add(pair)
    return rules.port_number(path, port["nodePort"])


def _type(spec: Object, headless: bool) -> list[FieldError]:
    kind = spec.get("type")
    errors: list[FieldError] = []
    if headless and kind in ("NodePort", "LoadBalancer"):
        text = f"may not be set to 'None' for {kind} services"
        errors.append(fields.invalid(_SPEC.child("clusterIPs").index(0), "None", text))
    if kind == "ExternalName":
        for name in ("clusterIPs", "clusterIP"):
            if spec.get(name):
                text = "may not be set when `type` is ExternalName"
                errors.append(fields.forbidden(_SPEC.child(name), text))
        target = (spec.get("externalName") or "").removesuffix(".")
        errors += rules.required_name(_SPEC.child("externalName"), target, names.is_dns1123_subdomain)
    for name in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
        if kind != "LoadBalancer" and spec.get(name) is not None:
            text = "may only be used when `type` is 'LoadBalancer'"
            errors.append(fields.forbidden(_SPEC.child(name), text))
    return errors


def _affinity(spec: Object) -> list[FieldError]:
    affinity = spec.get("sessionAffinity")
    errors = rules.required_one_of(_SPEC.child("sessionAffinity"), affinity, ("ClientIP", "None"))
    config, where = spec.get("sessionAffinityConfig"), _SPEC.child("sessionAffinityConfig")
    if affinity == "ClientIP":
        seconds = ((config or {}).get("clientIP") or {}).get("timeoutSeconds")
        here = where.child("clientIP", "timeoutSeconds")
        if seconds is None:
            errors.append(fields.required(here, "must be specified when session affinity type is ClientIP"))
        elif not 0 < seconds <= _MAX_AFFINITY_SECONDS:
            text = f"must be greater than 0 and less than {_MAX_AFFINITY_SECONDS}"
            errors.append(fields.invalid(here, seconds, text))
    elif config is not None:
        text = "must not be set when session affinity is None"
        errors.append(fields.forbidden(where, text))
    return errors


def _addresses(spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    many, where = spec.get("clusterIPs") or [], _SPEC.child("clusterIPs")
    if spec.get("clusterIP") and many and many[0] != spec["clusterIP"]:
        errors.append(fields.invalid(where, many, "first value must match `clusterIP`"))
    if len(many) > 2:
        errors.append(fields.invalid(where, many, "may only hold up to 2 values"))
    for index, address in enumerate(many):
        if address == "None":
            if index:
                errors.append(fields.invalid(where.index(index), address, "must not be 'None' here"))
        else:
            errors += rules.complaints(where.index(index), address, cidr.is_ip(address))
    errors += rules.one_of(
        _SPEC.child("ipFamilyPolicy"),
        spec.get("ipFamilyPolicy"),
        ("PreferDualStack", "RequireDualStack", "SingleStack"),
    )
    for index, family in enumerate(spec.get("ipFamilies") or ()):
        errors += rules.one_of(_SPEC.child("ipFamilies").index(index), family, ("IPv4", "IPv6"))
    errors += rules.unique(_SPEC.child("ipFamilies"), spec.get("ipFamilies") or ())
    for index, address in enumerate(spec.get("externalIPs") or ()):
        here = _SPEC.child("externalIPs").index(index)
        errors += rules.complaints(here, address, cidr.is_ip(address)) or _outside(here, address)
    for index, network in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        here = _SPEC.child("loadBalancerSourceRanges").index(index)
        errors += rules.complaints(here, network, cidr.is_cidr(network.strip()))
    return errors


def _outside(path: Path, address: str) -> list[FieldError]:
    if address in ("0.0.0.0", "::"):
        return [fields.invalid(path, address, "may not be unspecified (0.0.0.0 or ::)")]
    if address.startswith(("127.", "169.254.")) or address == "::1":
        return [fields.invalid(path, address, "may not be in the loopback or link-local range")]
    return []


def _traffic(spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    external, internal = spec.get("externalTrafficPolicy"), spec.get("internalTrafficPolicy")
    where = _SPEC.child("externalTrafficPolicy")
    visible = spec.get("type") in ("NodePort", "LoadBalancer") or bool(spec.get("externalIPs"))
    if external and not visible:
        text = "may only be set for externally-accessible services"
        errors.append(fields.invalid(where, external, text))
    else:
        errors += rules.one_of(where, external or None, _POLICIES)
    errors += rules.one_of(_SPEC.child("internalTrafficPolicy"), internal or None, _POLICIES)
    health = spec.get("healthCheckNodePort")
    if health and not (spec.get("type") == "LoadBalancer" and external == "Local"):
        text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.append(fields.invalid(_SPEC.child("healthCheckNodePort"), health, text))
    return errors


def validate_service_update(service: Object, old: Object) -> list[FieldError]:
    """Check what may not change: cluster addresses, the health-check port, the load balancer's class."""
    spec, before = service.get("spec") or {}, old.get("spec") or {}
    errors: list[FieldError] = []
    if spec.get("type") != "ExternalName" and before.get("type") != "ExternalName":
        new, known = spec.get("clusterIPs") or [], before.get("clusterIPs") or []
        if known and new[:1] != known[:1]:
            text = "primary clusterIP can not be unset" if not new else "may not change once set"
            errors.append(fields.invalid(_SPEC.child("clusterIPs").index(0), new, text))
    if spec.get("type") == before.get("type") == "LoadBalancer":
        where = _SPEC.child("loadBalancerClass")
        if before.get("loadBalancerClass") != spec.get("loadBalancerClass"):
            text = "may not change once set"
            errors.append(fields.invalid(where, spec.get("loadBalancerClass"), text))
        port, known_port = spec.get("healthCheckNodePort"), before.get("healthCheckNodePort")
        if port and known_port and port != known_port:
            text = "field is immutable"
            errors.append(fields.invalid(_SPEC.child("healthCheckNodePort"), port, text))
    return errors
