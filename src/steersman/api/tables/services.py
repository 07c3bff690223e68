"""Services, endpoints and other networking kinds as tables show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api.tables.columns import (
    NONE,
    UNSET,
    age,
    joined,
    labels_text,
    limited,
    name,
    selector_text,
    spec,
    status,
    table,
)

if TYPE_CHECKING:
    from steersman.api.types import Object

_BALANCER_WIDTH = 16
"""Longest list of load-balancer addresses printed in full."""


def service_cells(obj: Object, now: float) -> list[Any]:
    wanted = spec(obj)
    return [
        name(obj),
        wanted.get("type") or "",
        wanted.get("clusterIP") or NONE,
        _external_address(obj),
        joined(_port(port) for port in wanted.get("ports") or ()),
        age(obj, now),
        labels_text(wanted.get("selector")),
    ]


def _port(port: Object) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node_port}/{port.get('protocol')}"


def _external_address(service: Object) -> str:
    wanted = spec(service)
    kind = wanted.get("type")
    external: list[str] = wanted.get("externalIPs") or []
    if kind == "ExternalName":
        return wanted.get("externalName") or ""
    if kind == "LoadBalancer":
        balancer = _balancer(service)
        if external:
            return ",".join([*([balancer] if balancer else []), *external])
        return balancer or "<pending>"
    return joined(external)


def _balancer(obj: Object) -> str:
    entries = (status(obj).get("loadBalancer") or {}).get("ingress") or ()
    text = ",".join(entry.get("ip") or entry.get("hostname") or "" for entry in entries)
    return text if len(text) <= _BALANCER_WIDTH else text[: _BALANCER_WIDTH - 3] + "..."


def endpoints_cells(obj: Object, now: float) -> list[Any]:
    found: list[str] = []
    for subset in obj.get("subsets") or ():
        addresses = [address.get("ip") or "" for address in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        if not ports:
            found += addresses
        for port in ports:
            found += [_host_port(address, port.get("port")) for address in addresses]
    return [name(obj), limited(found), age(obj, now)]


def _host_port(address: str, port: Any) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def endpoint_slice_cells(obj: Object, now: float) -> list[Any]:
    ports = [
        str(port["port"]) if port.get("port") is not None else port.get("name") or "*"
        for port in obj.get("ports") or ()
    ]
    addresses = [
        address for endpoint in obj.get("endpoints") or () for address in endpoint.get("addresses") or ()
    ]
    shown = limited(ports, absent=UNSET), limited(addresses, absent=UNSET)
    return [name(obj), obj.get("addressType") or "", *shown, age(obj, now)]


def ingress_cells(obj: Object, now: float) -> list[Any]:
    wanted = spec(obj)
    hosts = [rule["host"] for rule in wanted.get("rules") or () if rule.get("host")]
    return [
        name(obj),
        wanted.get("ingressClassName") or NONE,
        limited(hosts, absent="*"),
        _balancer(obj),
        "80, 443" if wanted.get("tls") else "80",
        age(obj, now),
    ]


def ingress_class_cells(obj: Object, now: float) -> list[Any]:
    parameters = spec(obj).get("parameters")
    shown = NONE
    if parameters:
        kind, group = parameters.get("kind"), parameters.get("apiGroup")
        shown = f"{kind}.{group}/{parameters.get('name')}" if group else f"{kind}/{parameters.get('name')}"
    return [name(obj), spec(obj).get("controller") or "", shown, age(obj, now)]


def network_policy_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), selector_text(spec(obj).get("podSelector") or {}), age(obj, now)]


def ip_address_cells(obj: Object, now: float) -> list[Any]:
    parent = spec(obj).get("parentRef") or {}
    kind = f"{parent.get('resource')}.{parent['group']}" if parent.get("group") else parent.get("resource")
    parts = (kind, parent.get("namespace"), parent.get("name"))
    return [name(obj), "/".join(part for part in parts if part)]


def service_cidr_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), ",".join(spec(obj).get("cidrs") or ()), age(obj, now)]


SERVICES = table(
    service_cells,
    ("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector"),
    wide=("Selector",),
)
ENDPOINTS = table(endpoints_cells, ("Name", "Endpoints", "Age"))
ENDPOINT_SLICES = table(endpoint_slice_cells, ("Name", "AddressType", "Ports", "Endpoints", "Age"))
INGRESSES = table(ingress_cells, ("Name", "Class", "Hosts", "Address", "Ports", "Age"))
INGRESS_CLASSES = table(ingress_class_cells, ("Name", "Controller", "Parameters", "Age"))
NETWORK_POLICIES = table(network_policy_cells, ("Name", "Pod-Selector", "Age"))
IP_ADDRESSES = table(ip_address_cells, ("Name", "ParentRef"))
SERVICE_CIDRS = table(service_cidr_cells, ("Name", "CIDRs", "Age"))
