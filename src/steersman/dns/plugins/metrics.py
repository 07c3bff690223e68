"""Counts questions and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dnslib import RCODE

from steersman.runtime import metrics

if TYPE_CHECKING:
    from steersman.dns.chain import Context, Handler
    from steersman.dns.message import Query, Reply

__all__ = ["Metrics"]

COUNTED = frozenset(("A", "AAAA", "CNAME", "HTTPS", "MX", "NS", "PTR", "SOA", "SRV", "SVCB", "TXT"))
"""Types with a count of their own; a client must not be able to make up more."""


class Metrics:
    name: ClassVar[str] = "metrics"

    def __init__(self, context: Context) -> None:
        self._requests = metrics.counter(
            "dns_requests_total", "Questions asked, by type and transport.", ("type", "proto")
        )
        self._responses = metrics.counter("dns_responses_total", "Answers given, by rcode.", ("rcode",))

    async def handle(self, query: Query, rest: Handler) -> Reply:
        kind = query.type_name if query.type_name in COUNTED else "other"
        self._requests.labels(kind, query.transport).inc()
        reply = await rest(query)
        self._responses.labels(str(RCODE.get(reply.rcode))).inc()
        return reply
