"""What the cluster domain says: pure, over a view of Services, EndpointSlices and Namespaces.

The records are those of the Kubernetes DNS specification 1.1.0:

    <service>.<ns>.svc            A, AAAA: the ClusterIPs, or the ready endpoints of a headless Service;
    CNAME: ExternalName _<port>._<proto>.<service>…   SRV
    <host>.<service>.<ns>.svc     A, AAAA: one endpoint, by its hostname or its address with dashes
    <a-b-c-d>.<ns>.pod            A, AAAA: the address itself
    dns-version                   TXT
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.types import Object

__all__ = ["SCHEMA_VERSION", "Found", "Service", "Target", "View", "look_up", "reverse"]

SCHEMA_VERSION = "1.1.0"
Address = IPv4Address | IPv6Address


class View(Protocol):
    """What is known of the cluster; from caches, so perhaps a moment old."""

    def namespace_exists(self, name: str) -> bool: ...

    def service(self, namespace: str, name: str) -> Object | None: ...

    def slices(self, namespace: str, service: str) -> list[Object]: ...

    def service_by_address(self, address: str) -> Object | None: ...

    def slices_by_address(self, address: str) -> list[Object]: ...


class Target(NamedTuple):
    """One SRV record."""

    port: int
    name: str
    """Relative to the cluster domain."""
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Everything there is at one name; all empty: the name exists without records."""

    addresses: tuple[Address, ...] = ()
    targets: tuple[Target, ...] = ()
    alias: str = ""
    """The name an ExternalName Service stands for."""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Backend:
    """One ready endpoint of a headless Service."""

    host: str
    address: Address
    ports: tuple[tuple[str, str, int], ...] = field(default=())
    """(name, protocol, number)"""


def look_up(view: View, labels: list[str]) -> Found | None:
    """What is at a name, given its labels before the cluster domain; None when there is no such name."""
    match labels:
        case [] | ["svc"] | ["pod"]:
            return Found()
        case ["dns-version"]:
            return Found(text=SCHEMA_VERSION)
        case [namespace, "svc" | "pod"]:
            return Found() if view.namespace_exists(namespace) else None
        case [host, namespace, "pod"]:
            address = dashed_address(host)
            return Found((address,)) if address and view.namespace_exists(namespace) else None
        case [*front, service, namespace, "svc"]:
            obj = view.service(namespace, service)
            return _service(view, obj, front) if obj is not None else None
    return None


def _service(view: View, obj: Object, front: list[str]) -> Found | None:
    service = Service(view, obj)
    match front:
        case []:
            return service.itself()
        case [port, protocol] if port.startswith("_") and protocol.startswith("_"):
            targets = service.targets(port[1:], protocol[1:])
            return Found(targets=targets) if targets else None
        case [protocol] if protocol in ("_tcp", "_udp", "_sctp"):
            return Found() if not service.alias else None
        case [host]:
            addresses = tuple(b.address for b in service.backends() if b.host == host)
            return Found(addresses) if addresses else None
    return None


class Service:
    """One Service object as names and addresses."""

    def __init__(self, view: View, obj: Object) -> None:
        self._view = view
        self._spec = obj.get("spec") or {}
        self.namespace: str = obj["metadata"]["namespace"]
        self.name: str = obj["metadata"]["name"]
        self.domain = f"{self.name}.{self.namespace}.svc"
        self.alias: str = (
            self._spec.get("externalName") or "" if self._spec.get("type") == "ExternalName" else ""
        )
        self.headless: bool = self._spec.get("clusterIP") == "None"

    @property
    def cluster_ips(self) -> tuple[Address, ...]:
        if self.headless or self.alias:
            return ()
        found = self._spec.get("clusterIPs") or [self._spec.get("clusterIP")]
        return tuple(ip_address(ip) for ip in found if ip and ip != "None")

    def itself(self) -> Found:
        if self.alias:
            return Found(alias=self.alias)
        if self.headless:
            addresses = tuple(dict.fromkeys(b.address for b in self.backends()))
            return Found(addresses, self.targets())
        return Found(self.cluster_ips, self.targets())

    def targets(self, port: str = "", protocol: str = "") -> tuple[Target, ...]:
        """SRV records of one named port, or of all ports."""
        if self.headless:
            return tuple(
                Target(number, f"{b.host}.{self.domain}", (b.address,))
                for b in self.backends()
                for name, proto, number in b.ports
                if _wanted(name, proto, port, protocol)
            )
        return tuple(
            Target(p["port"], self.domain, self.cluster_ips)
            for p in self._spec.get("ports") or ()
            if _wanted(p.get("name") or "", (p.get("protocol") or "TCP").lower(), port, protocol)
            and self.cluster_ips
        )

    def backends(self) -> Iterator[Backend]:
        """Ready endpoints; not-ready ones too where the Service publishes them."""
        everyone = bool(self._spec.get("publishNotReadyAddresses"))
        for piece in self._view.slices(self.namespace, self.name):
            ports = tuple(
                (p.get("name") or "", (p.get("protocol") or "TCP").lower(), p["port"])
                for p in piece.get("ports") or ()
                if p.get("port")
            )
            for endpoint in piece.get("endpoints") or ():
                ready = (endpoint.get("conditions") or {}).get("ready", True) is not False
                if ready or everyone:
                    for text in endpoint["addresses"][:1]:
                        yield Backend(endpoint_host(endpoint, text), ip_address(text), ports)


def reverse(view: View, address: Address) -> list[str]:
    """Names (relative to the cluster domain) of an address; empty when it is nobody's."""
    obj = view.service_by_address(str(address))
    if obj is not None:
        return [f"{obj['metadata']['name']}.{obj['metadata']['namespace']}.svc"]
    names = []
    for piece in view.slices_by_address(str(address)):
        service = (piece["metadata"].get("labels") or {}).get("kubernetes.io/service-name")
        for endpoint in piece.get("endpoints") or ():
            if service and str(address) in endpoint["addresses"]:
                host = endpoint_host(endpoint, str(address))
                names.append(f"{host}.{service}.{piece['metadata']['namespace']}.svc")
    return sorted(set(names))


def endpoint_host(endpoint: Object, address: str) -> str:
    return endpoint.get("hostname") or address.replace(".", "-").replace(":", "-")


def dashed_address(host: str) -> Address | None:
    """`10-244-1-2` or `fd00--1` as the address it spells."""
    for separator in (".", ":"):
        try:
            return ip_address(host.replace("-", separator))
        except ValueError:
            continue
    return None


def _wanted(name: str, proto: str, port: str, protocol: str) -> bool:
    return not port or (name == port and proto == protocol)
