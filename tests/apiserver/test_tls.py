"""Which handshakes the listener's TLS context answers."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from steersman.apiserver.http.tls import server_context
from steersman.bootstrap import pki

if TYPE_CHECKING:
    from pathlib import Path

PLAIN_HELLO = bytes.fromhex(
    "1603030059"  # a handshake record
    "010000550303" + "00112233" * 8 + "00"  # ClientHello, random, no session
    "001000ffc023c027c02bc02f003c003d009c0100"  # cipher suites, no compression
    "001c0000000e000c00000931302e38392e312e31"  # extension: server name
    "000a000600040017001d"  # extension: curves P-256 and X25519
)
"""TLS 1.2 without the extension that names signature algorithms."""

HANDSHAKE = 22
"""The type of a record that is not an alert."""


def test_a_client_that_names_no_signature_algorithms_is_answered(tmp_path: Path) -> None:
    pki.ensure_pki(tmp_path)
    certificate = tmp_path / "pki" / "apiserver"
    context = server_context(f"{certificate}.crt", f"{certificate}.key")
    assert context is not None
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(PLAIN_HELLO)
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_side=True).do_handshake()
    assert outgoing.read(1)[0] == HANDSHAKE
