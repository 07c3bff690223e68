"""SPDY/3.1 framing without I/O, as Kubernetes uses it for exec, attach and port-forward.

    bytes from the peer -> Connection.receive() -> events
    open_stream(), send(), reset(), ... -> Connection.take_output() -> bytes for the peer

Only what the streaming endpoints need is here: there is no push, no priorities and, as in every Kubernetes
peer, no per-stream flow control (back-pressure is the transport's: stop reading and the peer stops writing).
Source: SPDY protocol draft 3.1; header conventions of the streaming clients of Kubernetes.
"""

from steersman.wire.spdy.connection import (
    Connection,
    DataReceived,
    Event,
    GoneAway,
    HeadersReceived,
    Ponged,
    StreamAccepted,
    StreamOpened,
    StreamReset,
)
from steersman.wire.spdy.frames import ProtocolError, ResetStatus

__all__ = [
    "Connection",
    "DataReceived",
    "Event",
    "GoneAway",
    "HeadersReceived",
    "Ponged",
    "ProtocolError",
    "ResetStatus",
    "StreamAccepted",
    "StreamOpened",
    "StreamReset",
]
