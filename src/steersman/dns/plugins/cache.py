"""Keeps upstream answers, and that there is none, for as long as they may be kept."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from dnslib import QTYPE, RR

from steersman.dns.message import NOERROR, NXDOMAIN

if TYPE_CHECKING:
    from steersman.dns.chain import Context, Handler
    from steersman.dns.message import Query, Reply

__all__ = ["Cache"]

Key = tuple[str, int, bool]


class Cache:
    """The least recently used answers give way."""

    name: ClassVar[str] = "cache"

    def __init__(self, context: Context) -> None:
        self._clock = context.clock
        self._longest = context.config.cache_seconds
        self._limit = context.config.cache_entries
        self._kept: OrderedDict[Key, tuple[float, Reply]] = OrderedDict()

    async def handle(self, query: Query, rest: Handler) -> Reply:
        key = query.name, query.type, query.dnssec
        now = self._clock.monotonic()
        known = self._kept.get(key)
        if known is not None and known[0] > now:
            self._kept.move_to_end(key)
            return aged(known[1], int(known[0] - now))
        reply = await rest(query)
        seconds = min(lifetime(reply), self._longest)
        if seconds > 0:
            self._kept[key] = now + seconds, reply
            self._kept.move_to_end(key)
            if len(self._kept) > self._limit:
                self._kept.popitem(last=False)
        return reply


def lifetime(reply: Reply) -> int:
    """Seconds an answer may be kept: the smallest TTL; without an answer what the SOA says (RFC 2308)."""
    if reply.truncated or reply.rcode not in (NOERROR, NXDOMAIN):
        return 0
    if reply.answers:
        return min(int(r.ttl) for r in reply.answers)
    soas = [r for r in reply.authority if r.rtype == QTYPE.SOA]
    return min((min(int(r.ttl), int(r.rdata.times[4])) for r in soas), default=0)


def aged(reply: Reply, left: int) -> Reply:
    """The same answer, to be kept for `left` seconds at most."""
    return replace(reply, answers=_capped(reply.answers, left), authority=_capped(reply.authority, left))


def _capped(records: tuple[Any, ...], left: int) -> tuple[Any, ...]:
    return tuple(RR(r.rname, r.rtype, r.rclass, min(r.ttl, left), r.rdata) for r in records)
