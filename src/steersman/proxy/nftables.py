"""Mode nftables: Services as one table a family, looked up in verdict maps.

    nat prerouting, output ─> services ─┬─ address . protocol . port ─> service-… ─> dnat to one endpoint
                                        └─ node port ─────────────────> external-… ─> (mark) ─> service-… or
                                        local-…
    filter input, forward, output ─> endpoints-check: new packets still addressed to a Service: reject or drop
    nat postrouting: masquerade what is marked, and what goes from an endpoint to itself

The cost of a packet does not depend on the number of Services, and a change of one Service is a handful of
set elements and chains. `fragment` is what one Service contributes, `Ruleset` the sum; `text.py` turns a
Ruleset, or the difference of two, into `nft` commands. Semantics follow upstream's nftables proxy; names and
layout are our own.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.proxy.services import Endpoint, ServicePort

__all__ = ["TABLE", "Fragment", "Ruleset", "base", "fragment", "merge"]

TABLE = "steersman-proxy"
MASQUERADE_MARK = 0x4000
"""Bit of the packet mark that asks for masquerade on the way out; the bit upstream uses."""

Family = Literal[4, 6]
FAMILY_NAME = {4: "ip", 6: "ip6"}
ADDRESS_TYPE = {4: "ipv4_addr", 6: "ipv6_addr"}
LOOPBACK = {4: "127.0.0.0/8", 6: "::1"}

CONTAINERS = (
    # name, kind, type with {a} for the address type
    ("cluster-ips", "set", "{a}"),
    ("hairpin", "set", "{a} . {a}"),
    ("service-ips", "map", "{a} . inet_proto . inet_service : verdict"),
    ("service-nodeports", "map", "inet_proto . inet_service : verdict"),
    ("unserved-ips", "map", "{a} . inet_proto . inet_service : verdict"),
    ("unserved-nodeports", "map", "inet_proto . inet_service : verdict"),
    ("firewall-ips", "map", "{a} . inet_proto . inet_service : verdict"),
)
HOOKS = (
    # chain, type, hook, priority, rule; -110 is just before addresses are translated
    ("firewall-prerouting", "filter", "prerouting", "-110", "ct state new jump firewall-check"),
    ("firewall-output", "filter", "output", "-110", "ct state new jump firewall-check"),
    ("nat-prerouting", "nat", "prerouting", "dstnat", "jump services"),
    ("nat-output", "nat", "output", "-100", "jump services"),
    ("filter-input", "filter", "input", "filter", "ct state new jump endpoints-check"),
    ("filter-forward", "filter", "forward", "filter", "ct state new jump endpoints-check"),
    ("filter-output", "filter", "output", "filter", "ct state new jump endpoints-check"),
)


@dataclass(slots=True)
class Fragment:
    """Chains (name -> rules), sets (name -> definition) and elements (container -> key -> verdict, "" in a
    set)."""

    chains: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sets: dict[str, str] = field(default_factory=dict)
    elements: dict[str, dict[str, str]] = field(default_factory=dict)

    def element(self, container: str, key: str, verdict: str = "") -> None:
        self.elements.setdefault(container, {}).setdefault(key, verdict)


@dataclass(slots=True)
class Ruleset(Fragment):
    family: int = 4


def merge(family: int, fragments: Iterable[Fragment]) -> Ruleset:
    """The sum. Where two Services claim one address and port, the first keeps it."""
    total = Ruleset(family=family)
    for part in fragments:
        total.chains.update(part.chains)
        total.sets.update(part.sets)
        for container, elements in part.elements.items():
            known = total.elements.setdefault(container, {})
            for key, verdict in elements.items():
                known.setdefault(key, verdict)
    return total


def fragment(
    ports: Iterable[ServicePort], family: int, cluster_cidr: str, excluded: Iterable[str]
) -> Fragment:
    """What one Service (its ports of one family) adds to the table."""
    made, left_alone = Fragment(), frozenset(excluded)
    for port in ports:
        if port.family == family and port.cluster_ip not in left_alone:
            _Port(port, made, cluster_cidr).add()
    return made


class _Port:
    """Adds one port of one Service to a Fragment."""

    def __init__(self, port: ServicePort, into: Fragment, cluster_cidr: str) -> None:
        self.port = port
        self.into = into
        self.ip = FAMILY_NAME[port.family]
        self.pods = _set_of(_cidrs(cluster_cidr, port.family))
        tail = f"{short_hash(port.title)}-{port.title.rstrip('/')}"[:100]
        self.service_chain = f"service-{tail}"
        self.local_chain = f"local-{tail}"
        self.external_chain = f"external-{tail}"
        self.firewall_chain = f"firewall-{tail}"

    def add(self) -> None:
        port = self.port
        for endpoint in port.endpoints + port.local_endpoints:
            if endpoint.local:
                self.into.element("hairpin", f"{endpoint.address} . {endpoint.address}")
        if port.endpoints:
            self._chain(self.service_chain, port.endpoints)
        if port.local_endpoints and (port.internal_local or port.external_local):
            self._chain(self.local_chain, port.local_endpoints)
        self._cluster_ip()
        if port.node_port or port.external_ips or port.load_balancer_ips:
            self._external()

    def _cluster_ip(self) -> None:
        port = self.port
        key = self._key(port.cluster_ip)
        self.into.element("cluster-ips", port.cluster_ip)
        if not port.endpoints:
            self.into.element("unserved-ips", key, "goto reject-it")
        elif not port.internal_local:
            self.into.element("service-ips", key, f"goto {self.service_chain}")
        elif port.local_endpoints:
            self.into.element("service-ips", key, f"goto {self.local_chain}")
        else:
            self.into.element("unserved-ips", key, "drop")

    def _external(self) -> None:
        port = self.port
        unserved = self._external_chain()
        if port.source_ranges:
            self.into.chains[self.firewall_chain] = (
                f"{self.ip} saddr {_set_of(port.source_ranges)} return",
                "drop",
            )
        for address in (*port.external_ips, *port.load_balancer_ips):
            key = self._key(address)
            if port.endpoints:
                self.into.element("service-ips", key, f"goto {self.external_chain}")
            if unserved:
                self.into.element("unserved-ips", key, unserved)
            if port.source_ranges and address in port.load_balancer_ips:
                self.into.element("firewall-ips", key, f"goto {self.firewall_chain}")
        if port.node_port:
            key = f"{port.protocol} . {port.node_port}"
            if port.endpoints:
                self.into.element("service-nodeports", key, f"goto {self.external_chain}")
            if unserved:
                self.into.element("unserved-nodeports", key, unserved)

    def _external_chain(self) -> str:
        """Makes the chain for traffic from outside; the verdict on what passes it untranslated, "" when
        nothing can.

        With policy Local, pods and this node itself still reach every endpoint; others only those here.
        """
        port = self.port
        if not port.endpoints:
            return "goto reject-it"
        if not port.external_local:
            self.into.chains[self.external_chain] = ("jump mark-it", f"goto {self.service_chain}")
            return ""
        rules = [f"{self.ip} saddr {self.pods} goto {self.service_chain}"] if self.pods else []
        rules += ["fib saddr type local jump mark-it", f"fib saddr type local goto {self.service_chain}"]
        if port.local_endpoints:
            rules.append(f"goto {self.local_chain}")
        self.into.chains[self.external_chain] = tuple(rules)
        return "" if port.local_endpoints else "drop"

    def _chain(self, name: str, endpoints: tuple[Endpoint, ...]) -> None:
        """A chain that translates to one of the endpoints, after marking what came from off the cluster."""
        rules = []
        if self.pods:
            rules.append(
                f"{self.ip} daddr {self.port.cluster_ip} {self.ip} saddr != {self.pods} jump mark-it"
            )
        if self.port.affinity_seconds:
            rules += self._sticky(endpoints)
        else:
            rules.append(self._spread(endpoints))
        self.into.chains[name] = tuple(rules)

    def _spread(self, endpoints: tuple[Endpoint, ...]) -> str:
        proto = self.port.protocol
        if len(endpoints) == 1:
            return f"meta l4proto {proto} dnat {self.ip} to {_socket(endpoints[0])}"
        choices = ", ".join(f"{i} : {e.address} . {e.port}" for i, e in enumerate(endpoints))
        return (
            f"meta l4proto {proto} dnat {self.ip} to numgen random mod {len(endpoints)} map {{ {choices} }}"
        )

    def _sticky(self, endpoints: tuple[Endpoint, ...]) -> list[str]:
        """A client seen within the timeout goes to its endpoint again, another one to any."""
        port, known, fresh = self.port, [], []
        for i, endpoint in enumerate(endpoints):
            tail = short_hash(f"{port.title} {_socket(endpoint)} {port.affinity_seconds}")
            clients, chain = f"affinity-{tail}", f"endpoint-{tail}"
            self.into.sets[clients] = (
                f"type {ADDRESS_TYPE[port.family]}; flags dynamic,timeout; timeout {port.affinity_seconds}s;"
            )
            self.into.chains[chain] = (
                f"update @{clients} {{ {self.ip} saddr }}",
                f"meta l4proto {port.protocol} dnat {self.ip} to {_socket(endpoint)}",
            )
            known.append(f"{self.ip} saddr @{clients} goto {chain}")
            fresh.append(f"{i} : goto {chain}")
        return [*known, f"numgen random mod {len(endpoints)} vmap {{ {', '.join(fresh)} }}"]

    def _key(self, address: str) -> str:
        return f"{address} . {self.port.protocol} . {self.port.port}"


def base(family: int) -> tuple[str, ...]:
    """The lines of the table that do not depend on any Service."""
    ip, mark = FAMILY_NAME[family], f"{MASQUERADE_MARK:#x}"
    containers = [
        f"{kind} {name} {{ type {type_.format(a=ADDRESS_TYPE[family])}; }}"
        for name, kind, type_ in CONTAINERS
    ]
    lookup = f"{ip} daddr . meta l4proto . th dport vmap"
    here = f"fib daddr type local {ip} daddr != {LOOPBACK[family]} meta l4proto . th dport vmap"
    return (
        *containers,
        "chain reject-it { meta l4proto tcp reject with tcp reset; reject; }",
        f"chain mark-it {{ meta mark set meta mark or {mark}; }}",
        f"chain services {{ {lookup} @service-ips; {here} @service-nodeports; }}",
        f"chain endpoints-check {{ {lookup} @unserved-ips; {here} @unserved-nodeports; "
        f"{ip} daddr @cluster-ips goto reject-it; }}",
        f"chain firewall-check {{ {lookup} @firewall-ips; }}",
        *(
            f"chain {name} {{ type {type_} hook {hook} priority {priority}; {rule}; }}"
            for name, type_, hook, priority, rule in HOOKS
        ),
        f"chain nat-postrouting {{ type nat hook postrouting priority srcnat; "
        f"ct status dnat {ip} saddr . {ip} daddr @hairpin masquerade fully-random; "
        f"meta mark & {mark} == {mark} meta mark set meta mark xor {mark} masquerade fully-random; }}",
    )


def short_hash(text: str) -> str:
    """Eight characters that tell chains apart whose readable names are cut off."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:8]


def _socket(endpoint: Endpoint) -> str:
    address = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
    return f"{address}:{endpoint.port}"


def _cidrs(text: str, family: int) -> tuple[str, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return tuple(part for part in parts if (6 if ":" in part else 4) == family)


def _set_of(items: tuple[str, ...]) -> str:
    """One item as it is, several as an anonymous set, none as ""."""
    return items[0] if len(items) == 1 else f"{{ {', '.join(items)} }}" if items else ""
