"""WebSocket framing, with the limits that keep a peer from filling our memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steersman.wire.websocket import (
    MAX_MESSAGE_BYTES,
    CloseCode,
    Closed,
    Message,
    WebSocket,
    WebSocketError,
    accept_key,
    offered_subprotocols,
)


def test_the_handshake_key_is_that_of_the_rfc() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_subprotocols_keep_the_clients_order_over_lines() -> None:
    assert offered_subprotocols(["b, a", "c"]) == ["b", "a", "c"]


@pytest.mark.parametrize("client", [True, False], ids=["client to server", "server to client"])
@given(
    messages=st.lists(st.tuples(st.binary(max_size=70_000), st.booleans()), max_size=4),
    cut=st.integers(1, 999),
)
def test_messages_arrive_whole_whatever_the_cuts(
    client: bool, messages: list[tuple[bytes, bool]], cut: int
) -> None:
    sender, receiver = WebSocket(client=client), WebSocket(client=not client)
    for data, text in messages:
        sender.send(data, text=text)
    wire = sender.take_output()
    pieces = [wire[:cut], wire[cut:]]
    assert [event for piece in pieces for event in receiver.receive(piece)] == [
        Message(data, text) for data, text in messages
    ]


def test_fragments_are_joined_and_pings_between_them_answered() -> None:
    server = WebSocket(client=False)
    key = b"\0\0\0\0"
    wire = b"\x02\x81" + key + b"a" + b"\x89\x81" + key + b"p" + b"\x80\x81" + key + b"b"
    assert server.receive(wire) == [Message(b"ab")]
    assert server.take_output() == b"\x8a\x01p"


def test_closing_is_answered_once() -> None:
    server, client = WebSocket(client=False), WebSocket(client=True)
    client.close(CloseCode.GOING_AWAY, "bye")
    assert server.receive(client.take_output()) == [Closed(1001, "bye")]
    assert client.receive(server.take_output()) == [Closed(1001, "")]
    assert client.take_output() == b""


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(b"\x82\x01a", id="a client that does not mask"),
        pytest.param(b"\xc2\x80\0\0\0\0", id="reserved bits"),
        pytest.param(b"\x80\x80\0\0\0\0", id="a continuation of nothing"),
        pytest.param(b"\x83\x80\0\0\0\0", id="an unknown opcode"),
        pytest.param(b"\x09\x80\0\0\0\0", id="a fragmented ping"),
        pytest.param(
            b"\x82\xff" + (MAX_MESSAGE_BYTES + 1).to_bytes(8) + b"\0\0\0\0", id="a message too long"
        ),
    ],
)
def test_protocol_errors_are_told(wire: bytes) -> None:
    with pytest.raises(WebSocketError):
        WebSocket(client=False).receive(wire)
