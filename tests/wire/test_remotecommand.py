"""Channels of exec and attach, and the headers of port-forward."""

from __future__ import annotations

import json

import pytest

from steersman.wire import portforward
from steersman.wire.remotecommand import (
    SUBPROTOCOLS,
    Channel,
    ChannelError,
    CloseChannel,
    Data,
    Subprotocol,
    decode_message,
    encode_close,
    encode_message,
    error_for,
    exit_code,
    exit_status,
    select_spdy_protocol,
    select_subprotocol,
    success_status,
)

V5, V4, V4_TEXT, V1, V1_TEXT = SUBPROTOCOLS


@pytest.mark.parametrize("protocol", SUBPROTOCOLS, ids=lambda protocol: protocol.name)
def test_messages_round_trip(protocol: Subprotocol) -> None:
    message = encode_message(protocol, Channel.STDERR, b"\0\xffdata")
    assert decode_message(protocol, message) == Data(Channel.STDERR, b"\0\xffdata")


def test_only_v5_knows_the_close_signal() -> None:
    assert decode_message(V5, encode_close(Channel.STDIN)) == CloseChannel(Channel.STDIN)
    assert decode_message(V4, encode_close(Channel.STDIN)) == Data(255, b"\0")


@pytest.mark.parametrize("message", [b"x", b"0!!!"], ids=["no digit", "no base64"])
def test_malformed_text_messages_are_told(message: bytes) -> None:
    with pytest.raises(ChannelError):
        decode_message(V4_TEXT, message)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["v5.channel.k8s.io", "v4.channel.k8s.io"], "v5.channel.k8s.io"),
        (["nonsense", "v4.base64.channel.k8s.io"], "v4.base64.channel.k8s.io"),
        ([], ""),
    ],
)
def test_the_clients_first_known_offer_is_taken(offered: list[str], chosen: str) -> None:
    selected = select_subprotocol(offered)
    assert selected is not None
    assert selected.name == chosen


def test_unknown_offers_are_refused() -> None:
    assert select_subprotocol(["v9.channel.k8s.io"]) is None


def test_spdy_clients_get_the_newest_version_they_offer() -> None:
    assert select_spdy_protocol(["v2.channel.k8s.io, v4.channel.k8s.io"]) == "v4.channel.k8s.io"
    assert select_spdy_protocol([]) == "channel.k8s.io"
    assert select_spdy_protocol(["v9"]) is None


@pytest.mark.parametrize("code", [0, 1, 137])
def test_exit_codes_survive_the_status(code: int) -> None:
    assert exit_code(exit_status(code)) == code


def test_other_failures_have_no_exit_code() -> None:
    assert exit_code({"status": "Failure", "message": "no such container"}) is None


def test_old_clients_read_text_on_the_error_channel() -> None:
    failure = json.dumps(exit_status(7)).encode()
    assert error_for(V5, b"") == json.dumps(success_status()).encode()
    assert error_for(V4, failure) == failure
    assert error_for(V1, json.dumps(success_status()).encode()) == b""
    assert b"exit status 7" in error_for(V1_TEXT, failure)


def test_port_forward_headers_round_trip() -> None:
    stream = portforward.PairedStream("data", 8080, "3")
    assert portforward.parse_stream_headers(portforward.stream_headers(stream)) == stream


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"streamtype": "data"}, "required"),
        ({"streamtype": "data", "port": "0"}, "as a port"),
        ({"streamtype": "data", "port": "http"}, "as a port"),
        ({"streamtype": "stdin", "port": "80"}, "invalid stream type"),
    ],
)
def test_streams_that_make_no_sense_are_refused(headers: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        portforward.parse_stream_headers(headers)
