"""A question and its reply as the plug-ins see them; the wire format is dnslib's business.

Names are text in lower case without the trailing dot, the root is "". A `Reply` is data: plug-ins make and
pass on new ones,
`packed` turns one into bytes for the client that asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from dnslib import EDNS0, QTYPE, RCODE, RR, DNSHeader, DNSLabel, DNSRecord

__all__ = [
    "LARGEST_UDP",
    "NOERROR",
    "NOTIMP",
    "NXDOMAIN",
    "REFUSED",
    "SERVFAIL",
    "Query",
    "Reply",
    "answer_to",
    "failure",
    "packed",
    "parse_query",
]

NOERROR, SERVFAIL, NXDOMAIN = RCODE.NOERROR, RCODE.SERVFAIL, RCODE.NXDOMAIN
NOTIMP, REFUSED = RCODE.NOTIMP, RCODE.REFUSED
LARGEST_UDP = 1232
"""Bytes; larger datagrams risk being fragmented (DNS flag day 2020)."""
PLAIN_UDP = 512
"""Bytes a client takes that says nothing about its size (RFC 1035, 4.2.1)."""


@dataclass(frozen=True, slots=True)
class Query:
    name: str
    type: int
    """A QTYPE number."""
    transport: str = "udp"
    """udp or tcp."""
    dnssec: bool = False
    """The client wants signatures (DO bit)."""
    spelled: str = ""
    """The name as whoever asks spelled it."""
    record: Any = None
    """The dnslib record it came in; None for questions of our own."""

    @property
    def label(self) -> Any:
        """The name as dnslib has it, byte for byte as it was asked: answers echo it."""
        if self.record is not None:
            return self.record.questions[0].qname
        return DNSLabel(self.spelled or self.name)

    @property
    def type_name(self) -> str:
        return str(QTYPE.get(self.type))

    def about(self, name: str) -> Query:
        """The same question about another name."""
        return replace(self, name=name.rstrip(".").lower(), spelled=name, record=None)


@dataclass(frozen=True, slots=True)
class Reply:
    rcode: int = NOERROR
    answers: tuple[Any, ...] = ()
    """dnslib RRs, as are the others."""
    authority: tuple[Any, ...] = ()
    additional: tuple[Any, ...] = ()
    authoritative: bool = False
    truncated: bool = field(default=False)
    """The server we asked cut its answer off."""


def parse_query(data: bytes, transport: str) -> Query:
    """Raises: dnslib.DNSError (or a ValueError of its parsing) for bytes that are no question."""
    record = DNSRecord.parse(data)
    if record.header.qr or len(record.questions) != 1:
        raise ValueError("not a question")
    question = record.questions[0]
    spelled = str(question.qname)
    options = _options(record)
    dnssec = options is not None and bool(options.edns_do)
    return Query(spelled.rstrip(".").lower(), question.qtype, transport, dnssec, spelled, record)


def answer_to(query: Query, *rdata: Any, ttl: int, additional: tuple[Any, ...] = ()) -> Reply:
    """An authoritative reply with one record for each `rdata`."""
    owner = query.label
    answers = tuple(RR(owner, QTYPE.reverse[type(d).__name__], ttl=ttl, rdata=d) for d in rdata)
    return Reply(answers=answers, additional=additional, authoritative=True)


def failure(rcode: int = SERVFAIL) -> Reply:
    return Reply(rcode=rcode)


def packed(query: Query, reply: Reply) -> bytes:
    """The bytes for the client: cut to what it can take over UDP, with the TC bit when something is
    missing."""
    options = _options(query.record)
    limit = 65535
    if query.transport == "udp":
        size = options.edns_len if options is not None else PLAIN_UDP
        limit = min(max(size, PLAIN_UDP), LARGEST_UDP)
    data = _assemble(query, reply, options)
    if len(data) <= limit:
        return data
    shorter = replace(reply, additional=())
    data = _assemble(query, shorter, options)
    while len(data) > limit and shorter.answers:
        keep = min(len(shorter.answers) - 1, len(shorter.answers) * limit // len(data))
        shorter = replace(shorter, answers=shorter.answers[:keep], truncated=True)
        data = _assemble(query, shorter, options)
    return data if len(data) <= limit else _assemble(query, Reply(reply.rcode, truncated=True), options)


def _assemble(query: Query, reply: Reply, options: Any) -> bytes:
    asked = query.record
    header = DNSHeader(
        id=asked.header.id,
        qr=1,
        aa=int(reply.authoritative),
        tc=int(reply.truncated),
        rd=asked.header.rd,
        ra=1,
        rcode=reply.rcode,
    )
    out = DNSRecord(header, questions=asked.questions, rr=list(reply.answers), auth=list(reply.authority))
    for record in reply.additional:
        out.add_ar(record)
    if options is not None:
        out.add_ar(EDNS0(udp_len=LARGEST_UDP, flags="do" if query.dnssec else ""))
    return bytes(out.pack())


def _options(record: Any) -> Any:
    """The EDNS OPT record, None when there is none."""
    return next((r for r in record.ar if r.rtype == QTYPE.OPT), None) if record is not None else None
