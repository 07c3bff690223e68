"""Names with fixed addresses, from the configuration."""

from __future__ import annotations

from collections import defaultdict
from ipaddress import ip_address
from typing import TYPE_CHECKING, ClassVar

from dnslib import AAAA, QTYPE, A

from steersman.dns.message import answer_to

if TYPE_CHECKING:
    from steersman.dns.chain import Context, Handler
    from steersman.dns.message import Query, Reply

__all__ = ["Hosts"]

TTL = 3600
"""Seconds; the configuration changes with a restart only."""


class Hosts:
    name: ClassVar[str] = "hosts"

    def __init__(self, context: Context) -> None:
        self._addresses: dict[str, list[str]] = defaultdict(list)
        for name, address in context.config.hosts:
            self._addresses[name.rstrip(".").lower()].append(address)

    async def handle(self, query: Query, rest: Handler) -> Reply:
        addresses = self._addresses.get(query.name)
        if not addresses or query.type not in (QTYPE.A, QTYPE.AAAA):
            return await rest(query)
        four = query.type == QTYPE.A
        wanted = [a for a in addresses if ip_address(a).version == (4 if four else 6)]
        return answer_to(query, *((A if four else AAAA)(a) for a in wanted), ttl=TTL)
