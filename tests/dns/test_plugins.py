from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
from dnslib import AAAA, CNAME, QTYPE, RR, SOA, A, DNSHeader, DNSQuestion, DNSRecord
from hypothesis import given, settings
from hypothesis import strategies as st

from steersman.dns import message, plugins
from steersman.dns.chain import Context, link
from steersman.dns.config import DNSConfig
from steersman.dns.listen import answer_bytes
from steersman.dns.message import NXDOMAIN, SERVFAIL, Query, Reply, answer_to, packed, parse_query
from steersman.dns.plugins.cache import Cache
from steersman.dns.plugins.errors import Errors
from steersman.dns.plugins.forward import read_resolv_conf, split_port
from steersman.dns.plugins.hosts import Hosts
from steersman.dns.plugins.loadbalance import shuffled
from steersman.runtime.clock import FakeClock


async def never(query: Query) -> Reply:
    raise AssertionError(query)


def context(clock: FakeClock | None = None, **settings: Any) -> Context:
    informers: Any = None
    return Context(DNSConfig(**settings), informers, clock or FakeClock(), never)


def question(name: str = "example.org", kind: str = "A", size: int = 0) -> bytes:
    made = DNSRecord.question(name, kind)
    if size:
        from dnslib import EDNS0

        made.add_ar(EDNS0(udp_len=size))
    return bytes(made.pack())


class Upstream:
    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.asked = 0

    async def __call__(self, query: Query) -> Reply:
        self.asked += 1
        return self.reply


def record(ttl: int) -> RR:
    return RR("example.org", QTYPE.A, ttl=ttl, rdata=A("192.0.2.1"))


NOWHERE = RR("org", QTYPE.SOA, ttl=900, rdata=SOA("a.", "b.", (1, 2, 3, 4, 10)))


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        pytest.param(Reply(answers=(record(7), record(20))), 7, id="an answer for its smallest TTL"),
        pytest.param(Reply(answers=(record(900),)), 30, id="at most for the configured time"),
        pytest.param(Reply(NXDOMAIN, authority=(NOWHERE,)), 10, id="a denial for the SOA's minimum"),
        pytest.param(Reply(SERVFAIL), 0, id="a failure not at all"),
        pytest.param(Reply(answers=(record(7),), truncated=True), 0, id="what was cut off not at all"),
    ],
)
async def test_the_cache_keeps(reply: Reply, seconds: int) -> None:
    clock = FakeClock()
    cache, upstream = Cache(context(clock)), Upstream(reply)
    query = Query("example.org", QTYPE.A)
    await cache.handle(query, upstream)
    clock.advance(max(seconds - 1, 0))
    again = await cache.handle(query, upstream)
    assert upstream.asked == (1 if seconds else 2)
    assert all(r.ttl <= max(seconds, 7) for r in again.answers)
    clock.advance(2)
    await cache.handle(query, upstream)
    assert upstream.asked == (2 if seconds else 3)


async def test_the_cache_tells_types_apart() -> None:
    cache, upstream = Cache(context()), Upstream(Reply(answers=(record(30),)))
    await cache.handle(Query("example.org", QTYPE.A), upstream)
    await cache.handle(Query("example.org", QTYPE.AAAA), upstream)
    assert upstream.asked == 2


async def test_hosts_answer_their_names_only() -> None:
    hosts, upstream = Hosts(context(hosts=(("Db.Local", "192.0.2.5"),))), Upstream(Reply(NXDOMAIN))
    reply = await hosts.handle(Query("db.local", QTYPE.A), upstream)
    assert [str(r.rdata) for r in reply.answers] == ["192.0.2.5"]
    assert (await hosts.handle(Query("other", QTYPE.A), upstream)).rcode == NXDOMAIN


async def test_an_exception_becomes_servfail(caplog: pytest.LogCaptureFixture) -> None:
    reply = await Errors(context()).handle(Query("x", QTYPE.A), never)
    assert reply.rcode == SERVFAIL
    assert "x A" in caplog.text


def test_aliases_stay_before_shuffled_addresses() -> None:
    alias = RR("a", QTYPE.CNAME, rdata=CNAME("b"))
    addresses = [RR("b", QTYPE.A, rdata=A(f"192.0.2.{i}")) for i in range(8)]
    mixed = shuffled((*addresses, alias), random.Random(1))
    assert mixed[0] is alias
    assert list(mixed[1:]) != addresses
    assert sorted(map(str, mixed[1:])) == sorted(map(str, addresses))


@pytest.mark.parametrize(("size", "limit"), [(0, 512), (1000, 1000), (4096, 1232)])
def test_a_large_answer_is_cut_to_what_the_client_takes(size: int, limit: int) -> None:
    query = parse_query(question(kind="AAAA", size=size), "udp")
    many = [AAAA(f"fd00::{i}") for i in range(100)]
    data = packed(query, answer_to(query, *many, ttl=5))
    parsed = DNSRecord.parse(data)
    assert len(data) <= limit
    assert parsed.header.tc
    assert parsed.rr
    over_tcp = parse_query(question(kind="AAAA"), "tcp")
    assert len(DNSRecord.parse(packed(over_tcp, answer_to(over_tcp, *many, ttl=5))).rr) == 100


@pytest.mark.parametrize(
    ("data", "rcode"),
    [
        pytest.param(b"\x12\x34\x01\x00\x00\x02" + bytes(20), 1, id="two questions"),
        pytest.param(question()[:14], 1, id="a question cut off"),
        pytest.param(
            b"\xab\xcd\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01", 1, id="a loop"
        ),
    ],
)
async def test_bad_questions_get_a_format_error(data: bytes, rcode: int) -> None:
    answer = await answer_bytes(data, "udp", never)
    assert answer[:2] == data[:2]
    assert answer[3] & 0xF == rcode


@pytest.mark.parametrize(
    ("opcode", "qclass", "rcode"),
    [
        pytest.param(5, 1, message.NOTIMP, id="an update is not done"),
        pytest.param(0, 3, message.REFUSED, id="another class is refused"),
    ],
)
async def test_what_is_asked_in_vain(opcode: int, qclass: int, rcode: int) -> None:
    asked = DNSRecord(DNSHeader(id=7, opcode=opcode), q=DNSQuestion("version.bind", QTYPE.TXT, qclass))
    answer = DNSRecord.parse(await answer_bytes(asked.pack(), "udp", never))
    assert (answer.header.id, answer.header.rcode) == (7, rcode)


@pytest.mark.parametrize(
    "data", [b"", b"short", b"\x12\x34\x81\x80" + bytes(8)], ids=["empty", "short", "answer"]
)
async def test_what_is_no_question_gets_no_answer(data: bytes) -> None:
    assert await answer_bytes(data, "udp", never) == b""


def test_addresses_of_servers() -> None:
    assert split_port("192.0.2.1") == ("192.0.2.1", 53)
    assert split_port("192.0.2.1:5353") == ("192.0.2.1", 5353)
    assert split_port("[fd00::1]:5353") == ("fd00::1", 5353)
    assert split_port("fd00::1") == ("fd00::1", 53)


def test_resolv_conf_names_the_servers(tmp_path: Any) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("# a comment\nsearch x\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n")
    assert read_resolv_conf(str(path)) == ("192.0.2.1", "fe80::1")
    assert read_resolv_conf(str(tmp_path / "none")) == ()


async def test_the_readme_lists_every_plugin_and_its_example_works() -> None:
    text = (Path(plugins.__file__).parent / "README.md").read_text()
    assert re.findall(r"^\| `(\w+)`", text, re.MULTILINE) == [p.name for p in plugins.DNS_CHAIN]
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {"ClassVar": ClassVar, "failure": message.failure, "REFUSED": message.REFUSED}
    exec("from __future__ import annotations\n" + code, names)
    chain = link([names["Refuse"], Errors], context())
    assert (await chain(Query("example.org", QTYPE.A))).rcode == message.REFUSED


async def echo(query: Query) -> Reply:
    return answer_to(query, A("192.0.2.1"), ttl=5)


GOOD = bytearray(question(size=1232))


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=80),
        st.binary(max_size=60).map(lambda tail: bytes(GOOD[:12]) + tail),
        st.tuples(st.integers(2, len(GOOD) - 1), st.integers(0, 255)).map(
            lambda change: bytes(GOOD[: change[0]]) + bytes([change[1]]) + bytes(GOOD[change[0] + 1 :])
        ),
    )
)
async def test_nothing_a_client_sends_ends_the_server(data: bytes) -> None:
    for transport in ("udp", "tcp"):
        answer = await answer_bytes(data, transport, echo)
        assert not answer or answer[:2] == data[:2]
