"""Shuffles address records, so that clients which take the first one spread over all."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from dnslib import QTYPE

if TYPE_CHECKING:
    from steersman.dns.chain import Context, Handler
    from steersman.dns.message import Query, Reply

__all__ = ["LoadBalance", "shuffled"]


class LoadBalance:
    name: ClassVar[str] = "loadbalance"

    def __init__(self, context: Context) -> None:
        self._random = random.Random()

    async def handle(self, query: Query, rest: Handler) -> Reply:
        reply = await rest(query)
        if len(reply.answers) < 2:
            return reply
        return replace(reply, answers=shuffled(reply.answers, self._random))


def shuffled(records: tuple[Any, ...], source: random.Random) -> tuple[Any, ...]:
    """Aliases first, as they come; then addresses in random order; then the rest."""
    aliases = [r for r in records if r.rtype == QTYPE.CNAME]
    addresses = [r for r in records if r.rtype in (QTYPE.A, QTYPE.AAAA)]
    rest = [r for r in records if r.rtype not in (QTYPE.CNAME, QTYPE.A, QTYPE.AAAA)]
    source.shuffle(addresses)
    return (*aliases, *addresses, *rest)
