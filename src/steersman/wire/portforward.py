"""Port-forward: pairs of SPDY streams, one pair a forwarded connection; and its tunnel through a WebSocket.
No I/O.

A client opens an error stream and a data stream for every local connection, both with the headers `port` and
`requestid`; text on the error stream says why the connection failed. In the tunnel, binary WebSocket
messages carry the bytes of a whole SPDY connection. Source: the port-forward protocol of Kubernetes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PROTOCOL = "portforward.k8s.io"
TUNNEL_PREFIX = "SPDY/3.1+"
TUNNEL_PROTOCOL = TUNNEL_PREFIX + PROTOCOL

STREAM_TYPE = "streamtype"
PORT = "port"
REQUEST_ID = "requestid"


@dataclass(frozen=True, slots=True)
class PairedStream:
    """`kind` is "data" or "error"; `request_id` tells the connections of one session apart."""

    kind: str
    port: int
    request_id: str


def stream_headers(stream: PairedStream) -> dict[str, str]:
    return {STREAM_TYPE: stream.kind, PORT: str(stream.port), REQUEST_ID: stream.request_id}


def parse_stream_headers(headers: Mapping[str, str]) -> PairedStream:
    """What a stream is for, from its (lower-case) headers. Raises ValueError with the reason for refusing
    it."""
    port_text = headers.get(PORT, "")
    if not port_text:
        raise ValueError(f'"{PORT}" header is required')
    if not (port_text.isascii() and port_text.isdigit()) or not 0 < int(port_text) < 65536:
        raise ValueError(f'unable to parse "{port_text}" as a port')
    kind = headers.get(STREAM_TYPE, "")
    if kind not in ("data", "error"):
        raise ValueError(f'invalid stream type "{kind}"')
    return PairedStream(kind, int(port_text), headers.get(REQUEST_ID, ""))


def offers_tunnel(offered: Iterable[str]) -> bool:
    """Whether a WebSocket client wants the SPDY tunnel."""
    return TUNNEL_PROTOCOL in offered
