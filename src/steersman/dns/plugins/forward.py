"""Asks the servers that know the rest of the world: the node's own resolvers, or others for stub domains.

Never forwards to itself: addresses this server listens on are left out of the list, and the number of
questions under way is bounded, so that a loop through somebody else ends in SERVFAIL. A server that does not
answer is left alone for a moment.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dnslib import EDNS0, QTYPE, DNSError, DNSHeader, DNSQuestion, DNSRecord

from steersman.dns.message import LARGEST_UDP, Reply, failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.dns.chain import Context, Handler
    from steersman.dns.message import Query

__all__ = ["Forward", "Upstream", "read_resolv_conf"]

log = logging.getLogger("steersman.dns.forward")

TIMEOUT = 2.0
"""Seconds one server has for its answer."""
TRIES = 2
"""Servers asked before the question is given up."""
MOST_UNDER_WAY = 500
PAUSE = 5.0
"""Seconds a server that did not answer is left alone, while others do."""

REREAD = 5.0
"""Seconds between looks at resolv.conf, while there are questions."""

SYSTEMD_STUB = "127.0.0.53"
SYSTEMD_RESOLV_CONF = "/run/systemd/resolve/resolv.conf"
"""The real servers where /etc/resolv.conf only names systemd's local stub."""


class Upstream:
    """One server; `resting_until` is in monotonic seconds."""

    def __init__(self, text: str) -> None:
        self.address, self.port = split_port(text)
        self.resting_until = 0.0

    async def ask(self, question: DNSRecord, transport: str) -> DNSRecord:
        """Raises: OSError, TimeoutError, DNSError."""
        async with asyncio.timeout(TIMEOUT):
            if transport == "tcp":
                data = await self._tcp(question.pack())
            else:
                data = await self._udp(question.pack())
        return DNSRecord.parse(data)

    async def _udp(self, data: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(
            lambda: _OneAnswer(loop, data[:2]), remote_addr=(self.address, self.port)
        )
        try:
            transport.sendto(data)
            return await protocol.answer
        finally:
            transport.close()

    async def _tcp(self, data: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self.address, self.port)
        try:
            writer.write(len(data).to_bytes(2, "big") + data)
            size = int.from_bytes(await reader.readexactly(2), "big")
            return await reader.readexactly(size)
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("connection closed within an answer") from error
        finally:
            writer.close()


class _OneAnswer(asyncio.DatagramProtocol):
    """Waits for the datagram with the identifier that was sent."""

    def __init__(self, loop: asyncio.AbstractEventLoop, identifier: bytes) -> None:
        self._identifier = identifier
        self.answer: asyncio.Future[bytes] = loop.create_future()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if data[:2] == self._identifier and not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


class Forward:
    name: ClassVar[str] = "forward"

    def __init__(self, context: Context) -> None:
        config = self._config = context.config
        self._clock = context.clock
        self._read_at = 0.0
        self._named: tuple[str, ...] = ()
        self._upstreams: list[Upstream] = []
        self._read_upstreams()
        self._stubs = sorted(
            (
                (f".{d.strip('.').lower()}", others(s, config.addresses, config.port))
                for d, s in config.stub_domains
            ),
            key=lambda stub: -len(stub[0]),
        )
        self._under_way = 0
        if not self._upstreams:
            log.info("no upstream servers: names outside the cluster are not resolved")

    async def handle(self, query: Query, rest: Handler) -> Reply:
        servers = self._servers(query.name)
        if not servers:
            return failure()
        if self._under_way >= MOST_UNDER_WAY:
            log.warning("%d questions under way upstream: refusing more; is there a loop?", self._under_way)
            return failure()
        self._under_way += 1
        try:
            return await self._ask(query, servers)
        finally:
            self._under_way -= 1

    def _servers(self, name: str) -> list[Upstream]:
        """Those for the name, the ones that answered lately first."""
        if self._clock.monotonic() - self._read_at >= REREAD:
            self._read_upstreams()
        found = next((s for domain, s in self._stubs if f".{name}".endswith(domain)), self._upstreams)
        now = self._clock.monotonic()
        return sorted(found, key=lambda server: server.resting_until > now)

    def _read_upstreams(self) -> None:
        """The machine may have moved to another network."""
        config = self._config
        self._read_at = self._clock.monotonic()
        named = config.upstreams or read_resolv_conf(config.resolv_conf)
        if named != self._named:
            self._named = named
            self._upstreams = others(named, config.addresses, config.port)

    async def _ask(self, query: Query, servers: list[Upstream]) -> Reply:
        question = DNSRecord(DNSHeader(id=secrets.randbits(16), rd=1), q=DNSQuestion(query.label, query.type))
        question.add_ar(EDNS0(udp_len=LARGEST_UDP, flags="do" if query.dnssec else ""))
        for server in servers[:TRIES]:
            try:
                answer = await server.ask(question, "udp")
                if answer.header.tc and query.transport == "tcp":
                    answer = await server.ask(question, "tcp")
            except (OSError, TimeoutError, DNSError) as error:
                server.resting_until = self._clock.monotonic() + PAUSE
                log.debug("%s does not answer about %s: %r", server.address, query.name, error)
                continue
            return Reply(
                rcode=answer.header.rcode,
                answers=tuple(answer.rr),
                authority=tuple(answer.auth),
                additional=tuple(r for r in answer.ar if r.rtype != QTYPE.OPT),
                truncated=bool(answer.header.tc),
            )
        return failure()


def others(servers: Iterable[str], own: tuple[str, ...], port: int) -> list[Upstream]:
    """All servers but ourselves."""
    found = [Upstream(text) for text in servers]
    return [server for server in found if (server.address, server.port) not in {(a, port) for a in own}]


def split_port(text: str) -> tuple[str, int]:
    """`1.2.3.4`, `1.2.3.4:53`, `fd00::1`, `[fd00::1]:53`. Raises: ValueError for a port that is no number."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        return address, int(port.removeprefix(":") or 53)
    if text.count(":") == 1:
        address, _, port = text.partition(":")
        return address, int(port)
    return text, 53


def read_resolv_conf(path: str) -> tuple[str, ...]:
    """The nameservers of a resolv.conf; none when there is no such file."""
    found = _nameservers(path)
    if found and all(address == SYSTEMD_STUB for address in found):
        found = _nameservers(SYSTEMD_RESOLV_CONF)
    return tuple(address for address in found if address != SYSTEMD_STUB)


def _nameservers(path: str) -> list[str]:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError as error:
        log.debug("cannot read %s: %s", path, error.strerror)
        return []
    words = [line.split() for line in lines]
    return [w[1].split("%")[0] for w in words if len(w) > 1 and w[0] == "nameserver"]
