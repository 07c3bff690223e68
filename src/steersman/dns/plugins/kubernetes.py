"""The cluster domain and the reverse names of its addresses, from the informers' caches."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any, ClassVar

from dnslib import AAAA, CNAME, NS, PTR, QTYPE, RR, SOA, SRV, TXT, A, DNSLabel

from steersman.api.kinds import ENDPOINT_SLICES, NAMESPACES, SERVICES
from steersman.dns import zone
from steersman.dns.message import NOERROR, NXDOMAIN, Reply, answer_to, failure

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client.informer import Informers
    from steersman.dns.chain import Context, Handler
    from steersman.dns.message import Query
    from steersman.dns.zone import Address, Found, Target

__all__ = ["CachedView", "Kubernetes"]

SRV_WEIGHT = 100
"""Shared by the targets of one question, as the specification's examples have it."""


class CachedView:
    """`zone.View` over informers."""

    def __init__(self, informers: Informers) -> None:
        self._namespaces = informers.informer(NAMESPACES)
        self._services = informers.informer(SERVICES)
        self._slices = informers.informer(ENDPOINT_SLICES)
        self._services.add_index("cluster-ip", lambda s: (s.get("spec") or {}).get("clusterIPs") or ())
        self._slices.add_index("service", service_keys)
        self._slices.add_index(
            "address", lambda p: {a for e in p.get("endpoints") or () for a in e["addresses"]}
        )

    @property
    def synced(self) -> bool:
        return self._namespaces.synced and self._services.synced and self._slices.synced

    def namespace_exists(self, name: str) -> bool:
        return self._namespaces.get(name) is not None

    def service(self, namespace: str, name: str) -> Object | None:
        return self._services.get(name, namespace)

    def slices(self, namespace: str, service: str) -> list[Object]:
        return self._slices.by_index("service", f"{namespace}/{service}")

    def service_by_address(self, address: str) -> Object | None:
        found = self._services.by_index("cluster-ip", address)
        return found[0] if found else None

    def slices_by_address(self, address: str) -> list[Object]:
        return self._slices.by_index("address", address)


def service_keys(piece: Object) -> list[str]:
    name = (piece["metadata"].get("labels") or {}).get("kubernetes.io/service-name")
    return [f"{piece['metadata']['namespace']}/{name}"] if name else []


def addresses(piece: Object) -> set[str]:
    return {address for endpoint in piece.get("endpoints") or () for address in endpoint["addresses"]}


class Kubernetes:
    name: ClassVar[str] = "kubernetes"

    def __init__(self, context: Context) -> None:
        config = context.config
        self._view = CachedView(context.informers)
        self._domain = config.domain.rstrip(".").lower()
        self._ttl = config.ttl
        self._own = tuple(ip_address(a) for a in config.addresses)
        self._networks = tuple(ip_network(cidr) for cidr in config.cidrs)
        self._chain = context
        self._clock = context.clock

    async def handle(self, query: Query, rest: Handler) -> Reply:
        if query.name == self._domain or query.name.endswith(f".{self._domain}"):
            if not self._view.synced:
                return failure()
            labels = query.name[: -len(self._domain)].rstrip(".")
            return await self._forward_zone(query, labels.split(".") if labels else [])
        address = reversed_address(query.name)
        if address is not None:
            reply = self._reverse_zone(query, address)
            if reply is not None:
                return reply
        return await rest(query)

    # --- names -> addresses ---

    async def _forward_zone(self, query: Query, labels: list[str]) -> Reply:
        if labels in ([], ["ns", "dns"]):
            return self._apex(query, labels)
        found = zone.look_up(self._view, labels)
        if found is None:
            return Reply(NXDOMAIN, authority=(self._soa(),), authoritative=True)
        if found.alias:
            return await self._alias(query, found.alias)
        records, additional = self._records(query.type, found)
        if not records:
            return self._nothing()
        return answer_to(query, *records, ttl=self._ttl, additional=additional)

    def _records(self, kind: int, found: Found) -> tuple[list[Any], tuple[Any, ...]]:
        if kind == QTYPE.SRV:
            return self._srv(found.targets)
        if kind == QTYPE.TXT and found.text:
            return [TXT(found.text)], ()
        return [rdata(a) for a in found.addresses if qtype(a) == kind], ()

    def _srv(self, targets: tuple[Target, ...]) -> tuple[list[Any], tuple[Any, ...]]:
        weight = max(SRV_WEIGHT // max(len(targets), 1), 1)
        records = [SRV(0, weight, t.port, f"{t.name}.{self._domain}.") for t in targets]
        addresses = {(t.name, a) for t in targets for a in t.addresses}
        additional = [
            RR(DNSLabel(f"{name}.{self._domain}."), qtype(a), ttl=self._ttl, rdata=rdata(a))
            for name, a in sorted(addresses, key=str)
        ]
        return records, tuple(additional)

    async def _alias(self, query: Query, target: str) -> Reply:
        """The CNAME of an ExternalName Service, with what the target resolves to."""
        answer = answer_to(query, CNAME(f"{target.rstrip('.')}."), ttl=self._ttl)
        if query.type not in (QTYPE.A, QTYPE.AAAA) or target.rstrip(".").lower() == query.name:
            return answer
        further = await self._chain.resolve(query.about(f"{target.rstrip('.')}."))
        return Reply(NOERROR, answer.answers + further.answers, authoritative=True)

    def _apex(self, query: Query, labels: list[str]) -> Reply:
        """The domain itself and the name of its server."""
        server = f"ns.dns.{self._domain}."
        if not labels and query.type == QTYPE.NS:
            return answer_to(query, NS(server), ttl=self._ttl)
        if not labels and query.type == QTYPE.SOA:
            return Reply(answers=(self._soa(),), authoritative=True)
        records = [rdata(a) for a in self._own if labels and qtype(a) == query.type]
        return answer_to(query, *records, ttl=self._ttl) if records else self._nothing()

    # --- addresses -> names ---

    def _reverse_zone(self, query: Query, address: Address) -> Reply | None:
        """None when the address is none of the cluster's business."""
        names = zone.reverse(self._view, address)
        if names and query.type == QTYPE.PTR:
            return answer_to(query, *(PTR(f"{n}.{self._domain}.") for n in names), ttl=self._ttl)
        if names:
            return self._nothing()
        if any(address in network for network in self._networks):
            return Reply(NXDOMAIN, authority=(self._soa(),), authoritative=True)
        return None

    def _nothing(self) -> Reply:
        """The name exists, but not with this type."""
        return Reply(authority=(self._soa(),), authoritative=True)

    def _soa(self) -> RR:
        times = (int(self._clock.time()), 7200, 1800, 86400, self._ttl)
        soa = SOA(f"ns.dns.{self._domain}.", f"hostmaster.{self._domain}.", times)
        return RR(DNSLabel(f"{self._domain}."), QTYPE.SOA, ttl=self._ttl, rdata=soa)


def qtype(address: Address) -> int:
    return int(QTYPE.A if address.version == 4 else QTYPE.AAAA)


def rdata(address: Address) -> Any:
    return A(str(address)) if address.version == 4 else AAAA(str(address))


def reversed_address(name: str) -> Address | None:
    """The address a name under in-addr.arpa or ip6.arpa spells."""
    try:
        if name.endswith(".in-addr.arpa"):
            return IPv4Address(".".join(reversed(name.removesuffix(".in-addr.arpa").split("."))))
        if name.endswith(".ip6.arpa"):
            digits = "".join(reversed(name.removesuffix(".ip6.arpa").split(".")))
            return IPv6Address(int(digits, 16)) if len(digits) == 32 else None
    except ValueError:
        return None
    return None
