"""Checks of endpoint slices, ingresses, network policies and the address kinds.

Source: the documented API reference of discovery.k8s.io/v1 and networking.k8s.io/v1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import cidr, fields, names
from steersman.api.fields import Path
from steersman.api.validation import rules
from steersman.api.validation.container import PROTOCOLS

if TYPE_CHECKING:
    from steersman.api.fields import FieldError
    from steersman.api.types import Object

_SPEC = Path("spec")
MAX_ENDPOINTS, MAX_PORTS, MAX_ADDRESSES = 1000, 20000, 100


def validate_endpoint_slice(endpoint_slice: Object) -> list[FieldError]:
    kind = endpoint_slice.get("addressType")
    errors = rules.required_one_of(Path("addressType"), kind, ("FQDN", "IPv4", "IPv6"))
    endpoints, ports = endpoint_slice.get("endpoints") or [], endpoint_slice.get("ports") or []
    if len(endpoints) > MAX_ENDPOINTS:
        errors.append(fields.too_many(Path("endpoints"), len(endpoints), MAX_ENDPOINTS))
    for index, endpoint in enumerate(endpoints):
        errors += _endpoint(Path("endpoints").index(index), endpoint, str(kind))
    if len(ports) > MAX_PORTS:
        errors.append(fields.too_many(Path("ports"), len(ports), MAX_PORTS))
    seen: set[str] = set()
    for index, port in enumerate(ports):
        here, name = Path("ports").index(index), port.get("name") or ""
        if name in seen:
            errors.append(fields.duplicate(here.child("name"), name))
        seen.add(name)
        errors += rules.optional_name(here.child("name"), name, names.is_dns1123_label)
        errors += rules.required_one_of(here.child("protocol"), port.get("protocol"), PROTOCOLS)
        if port.get("port") is not None:
            errors += rules.port_number(here.child("port"), port["port"])
    return errors


def _endpoint(path: Path, endpoint: Object, kind: str) -> list[FieldError]:
    addresses, where = endpoint.get("addresses") or [], path.child("addresses")
    errors: list[FieldError] = []
    if not addresses:
        errors.append(fields.required(where, "must contain at least 1 address"))
    elif len(addresses) > MAX_ADDRESSES:
        errors.append(fields.too_many(where, len(addresses), MAX_ADDRESSES))
    for index, address in enumerate(addresses):
        here = where.index(index)
        if kind == "FQDN":
            errors += rules.complaints(here, address, names.is_dns1123_subdomain(address))
        elif cidr.family_of(address) != kind and kind in ("IPv4", "IPv6"):
            text = f"must be an {kind} address"
            errors.append(fields.invalid(here, address, text))
    errors += rules.optional_name(
        path.child("nodeName"), endpoint.get("nodeName"), names.is_dns1123_subdomain
    )
    return errors + rules.optional_name(
        path.child("hostname"), endpoint.get("hostname"), names.is_dns1123_label
    )


def validate_endpoint_slice_update(endpoint_slice: Object, old: Object) -> list[FieldError]:
    return rules.immutable(Path("addressType"), endpoint_slice.get("addressType"), old.get("addressType"))


def validate_ingress(ingress: Object) -> list[FieldError]:
    spec = ingress.get("spec") or {}
    errors: list[FieldError] = []
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        text = "either `defaultBackend` or `rules` must be specified"
        errors.append(fields.invalid(_SPEC, spec.get("rules") or [], text))
    errors += rules.optional_name(
        _SPEC.child("ingressClassName"), spec.get("ingressClassName"), names.is_dns1123_subdomain
    )
    if spec.get("defaultBackend") is not None:
        errors += _backend(_SPEC.child("defaultBackend"), spec["defaultBackend"])
    for index, entry in enumerate(spec.get("tls") or ()):
        for position, host in enumerate(entry.get("hosts") or ()):
            errors += _host(_SPEC.child("tls").index(index).child("hosts").index(position), host)
    for index, rule in enumerate(spec.get("rules") or ()):
        errors += _ingress_rule(_SPEC.child("rules").index(index), rule)
    return errors


def _host(path: Path, host: str) -> list[FieldError]:
    if "*" in host:
        return rules.complaints(path, host, names.is_wildcard_subdomain(host))
    if cidr.family_of(host) is not None:
        return [fields.invalid(path, host, "must be a DNS name, not an IP address")]
    return rules.complaints(path, host, names.is_dns1123_subdomain(host))


def _ingress_rule(path: Path, rule: Object) -> list[FieldError]:
    errors = _host(path.child("host"), rule["host"]) if rule.get("host") else []
    http = rule.get("http")
    if http is None:
        return errors
    where = path.child("http", "paths")
    if not http.get("paths"):
        errors.append(fields.required(where))
    for index, entry in enumerate(http.get("paths") or ()):
        here, kind, text = where.index(index), entry.get("pathType"), entry.get("path") or ""
        if kind is None:
            errors.append(fields.required(here.child("pathType"), "pathType must be specified"))
        else:
            kinds = ("Exact", "ImplementationSpecific", "Prefix")
            errors += rules.one_of(here.child("pathType"), kind, kinds)
        if (kind in ("Exact", "Prefix") or text) and not text.startswith("/"):
            errors.append(fields.invalid(here.child("path"), text, "must be an absolute path"))
        errors += _backend(here.child("backend"), entry.get("backend") or {})
    return errors


def _backend(path: Path, backend: Object) -> list[FieldError]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        return [fields.invalid(path, "", "cannot set both resource and service backends")]
    if service is None and resource is None:
        return [fields.required(path, "port name or number is required")]
    if service is None:
        return []
    where, port = path.child("service"), service.get("port") or {}
    errors = rules.required_name(where.child("name"), service.get("name"), names.is_dns1035_label)
    if port.get("name") and port.get("number"):
        errors.append(fields.invalid(where, "", "cannot set both port name & port number"))
    elif port.get("name"):
        errors += rules.complaints(
            where.child("port", "name"), port["name"], names.is_port_name(port["name"])
        )
    elif port.get("number"):
        errors += rules.port_number(where.child("port", "number"), port["number"])
    else:
        errors.append(fields.required(where, "port name or number is required"))
    return errors


def validate_ingress_class(ingress_class: Object) -> list[FieldError]:
    controller, where = (ingress_class.get("spec") or {}).get("controller"), _SPEC.child("controller")
    if controller and "/" not in controller:
        text = 'must be a domain-prefixed path (such as "acme.io/foo")'
        return [fields.invalid(where, controller, text)]
    return rules.required(where, controller)


def validate_ingress_class_update(ingress_class: Object, old: Object) -> list[FieldError]:
    spec, before = ingress_class.get("spec") or {}, old.get("spec") or {}
    return rules.immutable(_SPEC.child("controller"), spec.get("controller"), before.get("controller"))


def validate_network_policy(policy: Object) -> list[FieldError]:
    spec = policy.get("spec") or {}
    errors = rules.label_selector(_SPEC.child("podSelector"), spec.get("podSelector"))
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            here = _SPEC.child(direction).index(index)
            for position, port in enumerate(rule.get("ports") or ()):
                errors += _policy_port(here.child("ports").index(position), port)
            for position, peer in enumerate(rule.get(side) or ()):
                errors += _peer(here.child(side).index(position), peer)
    for index, kind in enumerate(spec.get("policyTypes") or ()):
        errors += rules.one_of(_SPEC.child("policyTypes").index(index), kind, ("Egress", "Ingress"))
    return errors


def _policy_port(path: Path, port: Object) -> list[FieldError]:
    errors = rules.one_of(path.child("protocol"), port.get("protocol"), PROTOCOLS)
    first, last = port.get("port"), port.get("endPort")
    if first is not None:
        errors += rules.port_or_name(path.child("port"), first)
    if last is not None:
        if first is None:
            text = "may not be specified when `port` is not specified"
            errors.append(fields.invalid(path.child("endPort"), last, text))
        elif isinstance(first, str):
            text = "may not be specified when `port` is non-numeric"
            errors.append(fields.invalid(path.child("endPort"), last, text))
        elif last < first:
            text = "must be greater than or equal to `port`"
            errors.append(fields.invalid(path.child("endPort"), last, text))
    return errors


def _peer(path: Path, peer: Object) -> list[FieldError]:
    present = [name for name in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(name) is not None]
    if not present:
        return [fields.required(path, "must specify a peer")]
    if "ipBlock" in present and len(present) > 1:
        text = "may not specify both ipBlock and another peer"
        return [fields.forbidden(path, text)]
    errors: list[FieldError] = []
    for name in present:
        if name != "ipBlock":
            errors += rules.label_selector(path.child(name), peer[name])
    block = peer.get("ipBlock")
    return errors + _ip_block(path.child("ipBlock"), block) if block is not None else errors


def _ip_block(path: Path, block: Object) -> list[FieldError]:
    network = block.get("cidr") or ""
    if not network:
        return [fields.required(path.child("cidr"))]
    errors = rules.complaints(path.child("cidr"), network, cidr.is_cidr(network))
    if errors:
        return errors
    for index, inner in enumerate(block.get("except") or ()):
        here = path.child("except").index(index)
        problems = rules.complaints(here, inner, cidr.is_cidr(inner))
        errors += problems
        if not problems and (inner == network or not cidr.contains(network, inner)):
            errors.append(fields.invalid(here, inner, f"must be a strict subset of `cidr`: {network}"))
    return errors


def validate_ip_address(address: Object) -> list[FieldError]:
    parent, where = (address.get("spec") or {}).get("parentRef"), _SPEC.child("parentRef")
    if not parent:
        return [fields.required(where)]
    errors = rules.required(where.child("resource"), parent.get("resource"))
    return errors + rules.required(where.child("name"), parent.get("name"))


def validate_service_cidr(network: Object) -> list[FieldError]:
    found, where = (network.get("spec") or {}).get("cidrs") or [], _SPEC.child("cidrs")
    if not found:
        return [fields.required(where, "at least one CIDR required")]
    if len(found) > 2:
        return [fields.invalid(where, found, "may only hold up to 2 values")]
    return [
        error
        for index, text in enumerate(found)
        for error in rules.complaints(where.index(index), text, cidr.is_cidr(text))
    ]


def validate_spec_fixed(obj: Object, old: Object) -> list[FieldError]:
    """The spec never changes."""
    return rules.immutable(_SPEC, obj.get("spec"), old.get("spec"))
