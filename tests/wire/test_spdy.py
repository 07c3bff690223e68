"""SPDY framing: what one side sends is what the other sees, however the bytes are cut."""

from __future__ import annotations

import itertools
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steersman.wire.spdy import (
    Connection,
    DataReceived,
    GoneAway,
    HeadersReceived,
    Ponged,
    ProtocolError,
    ResetStatus,
    StreamAccepted,
    StreamOpened,
    StreamReset,
)
from steersman.wire.spdy.headers import DICTIONARY, HeaderError, HeaderReader, HeaderWriter

if TYPE_CHECKING:
    from steersman.wire.spdy import Event

NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20)
HEADERS = st.dictionaries(NAMES, st.text(max_size=50), max_size=6)


def fed(connection: Connection, data: bytes, cuts: list[int]) -> list[Event]:
    """The events of `data` delivered in pieces."""
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [
        event for start, end in itertools.pairwise(edges) for event in connection.receive(data[start:end])
    ]


def test_the_dictionary_is_that_of_the_protocol() -> None:
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


@given(st.lists(HEADERS, min_size=1, max_size=4))
def test_header_blocks_share_one_compression_stream(blocks: list[dict[str, str]]) -> None:
    writer, reader = HeaderWriter(), HeaderReader()
    assert [reader.decode(writer.encode(block)) for block in blocks] == blocks


def test_a_header_block_that_would_fill_memory_is_refused() -> None:
    with pytest.raises(HeaderError):
        HeaderReader().decode(HeaderWriter().encode({"a": "x" * 1_000_000}))


@given(HEADERS, st.lists(st.binary(max_size=300), max_size=5), st.lists(st.integers(0, 5000), max_size=8))
def test_a_stream_arrives_whole_whatever_the_cuts(
    headers: dict[str, str], pieces: list[bytes], cuts: list[int]
) -> None:
    client, server = Connection(client=True), Connection(client=False)
    stream = client.open_stream(headers)
    for piece in pieces:
        client.send(stream, piece)
    client.send(stream, b"", fin=True)
    opened, *data = fed(server, client.take_output(), cuts)
    assert opened == StreamOpened(stream, headers, fin=False)
    assert all(isinstance(event, DataReceived) for event in data)
    assert b"".join(event.data for event in data if isinstance(event, DataReceived)) == b"".join(pieces)
    assert isinstance(data[-1], DataReceived)
    assert data[-1].fin


def test_both_sides_may_close_in_turn() -> None:
    client, server = Connection(client=True), Connection(client=False)
    stream = client.open_stream({"streamtype": "stdin"})
    server.receive(client.take_output())
    server.accept(stream)
    server.send(stream, b"out", fin=True)
    assert client.receive(server.take_output()) == [
        StreamAccepted(stream, {}),
        DataReceived(stream, b"out", fin=True),
    ]
    client.send(stream, b"in", fin=True)
    assert server.receive(client.take_output()) == [DataReceived(stream, b"in", fin=True)]
    assert (client.open_streams, server.open_streams) == (0, 0)


def test_data_after_a_reset_is_dropped() -> None:
    client, server = Connection(client=True), Connection(client=False)
    stream = client.open_stream({})
    server.receive(client.take_output())
    client.send(stream, b"late")
    late = client.take_output()
    server.reset(stream)
    assert server.receive(late) == []
    assert client.receive(server.take_output()) == [StreamReset(stream, ResetStatus.CANCEL)]


def test_pings_are_answered_and_our_own_come_back() -> None:
    client, server = Connection(client=True), Connection(client=False)
    sent = client.ping()
    assert server.receive(client.take_output()) == []
    assert client.receive(server.take_output()) == [Ponged(sent)]


def test_settings_and_window_updates_are_ignored_and_goaway_is_told() -> None:
    client, server = Connection(client=True), Connection(client=False)
    settings = bytes.fromhex("80030004 0000000c 00000001 04000000 00000064".replace(" ", ""))
    window = bytes.fromhex("80030009 00000008 00000001 00010000".replace(" ", ""))
    assert server.receive(settings + window) == []
    client.go_away()
    assert server.receive(client.take_output()) == [GoneAway(0, 0)]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bytes.fromhex("8002000100000000"), id="another version"),
        pytest.param(bytes.fromhex("8003000100ffffff"), id="a control frame that is too long"),
        pytest.param(bytes.fromhex("8003000300000002ffff"), id="a payload that is too short"),
        pytest.param(
            bytes.fromhex("800300010000000c0000000100000000000000ff"), id="headers that do not inflate"
        ),
    ],
)
def test_broken_frames_end_the_connection(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        Connection(client=False).receive(data)


def test_a_peer_may_not_open_streams_with_our_ids() -> None:
    client, other = Connection(client=True), Connection(client=True)
    client.open_stream({})
    with pytest.raises(ProtocolError):
        other.receive(client.take_output())


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_waited_out_but_never_crashes(data: bytes) -> None:
    try:
        events = Connection(client=False).receive(data)
    except ProtocolError:
        return
    assert not any(isinstance(event, HeadersReceived) for event in events)
