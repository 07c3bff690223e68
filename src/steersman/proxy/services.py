"""From a Service and its EndpointSlices to what a proxy needs to know: pure, and the same for every mode.

Which endpoints take traffic: the ready ones; when there are none, those that are on their way out but still
serve (KEP-1669).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object

__all__ = ["SERVICE_NAME", "Endpoint", "ServicePort", "service_ports"]

SERVICE_NAME = "kubernetes.io/service-name"
"""Label of an EndpointSlice: the Service it belongs to."""
OTHER_PROXY = "service.kubernetes.io/service-proxy-name"
AFFINITY_SECONDS = 10800


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    address: str
    port: int
    local: bool


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of one Service in one address family."""

    namespace: str
    name: str
    port_name: str
    family: int
    """4 or 6."""
    protocol: str
    """tcp, udp or sctp."""
    port: int
    cluster_ip: str
    external_ips: tuple[str, ...]
    load_balancer_ips: tuple[str, ...]
    source_ranges: tuple[str, ...]
    """Who may use the load-balancer addresses; empty: everybody."""
    node_port: int
    """0 for none."""
    affinity_seconds: int
    """0 without session affinity."""
    internal_local: bool
    external_local: bool
    health_check_node_port: int
    """0 for none."""
    endpoints: tuple[Endpoint, ...]
    """Those that take traffic, of the whole cluster, sorted."""
    local_endpoints: tuple[Endpoint, ...]
    """Those that take traffic meant for this node only, sorted."""

    @property
    def title(self) -> str:
        """`namespace/name/protocol/port name`, the port name empty for a nameless port."""
        return f"{self.namespace}/{self.name}/{self.protocol}/{self.port_name}"


def service_ports(service: Object, slices: Iterable[Object], node_name: str) -> tuple[ServicePort, ...]:
    """Every port of a Service in every family; empty for Services that are not for a proxy."""
    meta, spec = service["metadata"], service.get("spec") or {}
    cluster_ips = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    if spec.get("type") == "ExternalName" or not cluster_ips or cluster_ips[0] == "None":
        return ()
    if OTHER_PROXY in (meta.get("labels") or {}):
        return ()
    slices = list(slices)
    return tuple(
        _service_port(service, port, cluster_ip, slices, node_name)
        for cluster_ip in cluster_ips
        for port in spec.get("ports") or ()
    )


def _service_port(
    service: Object, port: Object, cluster_ip: str, slices: list[Object], node_name: str
) -> ServicePort:
    meta, spec = service["metadata"], service["spec"]
    family = ip_address(cluster_ip).version
    client_ip = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
    balanced = spec.get("type") == "LoadBalancer"
    everywhere, here = _endpoints(slices, port.get("name") or "", family, node_name)
    return ServicePort(
        namespace=meta["namespace"],
        name=meta["name"],
        port_name=port.get("name") or "",
        family=family,
        protocol=(port.get("protocol") or "TCP").lower(),
        port=port["port"],
        cluster_ip=cluster_ip,
        external_ips=_of_family(spec.get("externalIPs") or (), family),
        load_balancer_ips=_of_family(_ingress_ips(service), family) if balanced else (),
        source_ranges=_of_family(spec.get("loadBalancerSourceRanges") or (), family),
        node_port=port.get("nodePort") or 0,
        affinity_seconds=(client_ip or AFFINITY_SECONDS) if spec.get("sessionAffinity") == "ClientIP" else 0,
        internal_local=spec.get("internalTrafficPolicy") == "Local",
        external_local=spec.get("externalTrafficPolicy") == "Local",
        health_check_node_port=(spec.get("healthCheckNodePort") or 0) if balanced else 0,
        endpoints=everywhere,
        local_endpoints=here,
    )


def _ingress_ips(service: Object) -> list[str]:
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return [i["ip"] for i in ingress if i.get("ip") and i.get("ipMode", "VIP") == "VIP"]


def _of_family(addresses: Iterable[str], family: int) -> tuple[str, ...]:
    """Addresses or CIDRs of one family, sorted and deduplicated."""
    return tuple(sorted({a.strip() for a in addresses if (6 if ":" in a else 4) == family}))


def _endpoints(
    slices: list[Object], port_name: str, family: int, node_name: str
) -> tuple[tuple[Endpoint, ...], tuple[Endpoint, ...]]:
    ready: set[Endpoint] = set()
    leaving: set[Endpoint] = set()
    for piece in slices:
        if piece.get("addressType") != f"IPv{family}":
            continue
        port = next(
            (p.get("port") for p in piece.get("ports") or () if (p.get("name") or "") == port_name), None
        )
        if port is None:
            continue
        for endpoint in piece.get("endpoints") or ():
            found = Endpoint(endpoint["addresses"][0], port, endpoint.get("nodeName") == node_name)
            conditions = endpoint.get("conditions") or {}
            is_ready = conditions.get("ready", True) is not False
            if is_ready:
                ready.add(found)
            elif conditions.get("terminating") and conditions.get("serving", is_ready):
                leaving.add(found)
    ready_here, leaving_here = [{e for e in group if e.local} for group in (ready, leaving)]
    return tuple(sorted(ready or leaving)), tuple(sorted(ready_here or leaving_here))
