"""SPDY/3.1 frames: an incremental splitter and the layout of each control frame.

control   1 | version 15 bits | type 16 | flags 8 | length 24 | payload
data      0 | stream id 31 bits         | flags 8 | length 24 | payload
"""

import enum
import struct
from dataclasses import dataclass

VERSION = 3
FLAG_FIN = 0x01
HEADER_BYTES = 8
MAX_LENGTH = (1 << 24) - 1
ID_MASK = 0x7FFFFFFF

MAX_CONTROL_BYTES = 256 * 1024
"""Longest control frame accepted; clients send well under a kilobyte."""


class ControlType(enum.IntEnum):
    SYN_STREAM = 1
    SYN_REPLY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    HEADERS = 8
    WINDOW_UPDATE = 9


class ResetStatus(enum.IntEnum):
    """Why a stream was reset (RST_STREAM)."""

    PROTOCOL_ERROR = 1
    INVALID_STREAM = 2
    REFUSED_STREAM = 3
    UNSUPPORTED_VERSION = 4
    CANCEL = 5
    INTERNAL_ERROR = 6
    FLOW_CONTROL_ERROR = 7
    STREAM_IN_USE = 8
    STREAM_ALREADY_CLOSED = 9


class ProtocolError(ValueError):
    """The peer broke the framing; the connection has to end."""


@dataclass(frozen=True, slots=True)
class ControlFrame:
    type: int
    flags: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class DataFrame:
    stream_id: int
    flags: int
    data: bytes


Frame = ControlFrame | DataFrame


def encode_control(kind: ControlType, payload: bytes, flags: int = 0) -> bytes:
    return struct.pack(">HHI", 0x8000 | VERSION, kind, flags << 24 | len(payload)) + payload


def encode_data_header(stream_id: int, length: int, *, fin: bool = False) -> bytes:
    """The eight bytes before a data frame's payload; `length` is at most MAX_LENGTH."""
    return struct.pack(">II", stream_id & ID_MASK, (FLAG_FIN << 24 if fin else 0) | length)


def syn_stream(stream_id: int, block: bytes, *, fin: bool = False) -> bytes:
    payload = struct.pack(">IIH", stream_id, 0, 0) + block
    return encode_control(ControlType.SYN_STREAM, payload, FLAG_FIN if fin else 0)


def syn_reply(stream_id: int, block: bytes, *, fin: bool = False) -> bytes:
    return encode_control(ControlType.SYN_REPLY, struct.pack(">I", stream_id) + block, FLAG_FIN if fin else 0)


def rst_stream(stream_id: int, status: int) -> bytes:
    return encode_control(ControlType.RST_STREAM, struct.pack(">II", stream_id, status))


def ping(ping_id: int) -> bytes:
    return encode_control(ControlType.PING, struct.pack(">I", ping_id))


def go_away(last_good: int, status: int) -> bytes:
    return encode_control(ControlType.GOAWAY, struct.pack(">II", last_good, status))


class Splitter:
    """Cuts a byte stream into frames; holds at most one incomplete frame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """All frames completed by `data`; ProtocolError for a version or length that cannot be."""
        self._buffer += data
        frames: list[Frame] = []
        position, end = 0, len(self._buffer)
        while end - position >= HEADER_BYTES:
            first, second = struct.unpack_from(">II", self._buffer, position)
            length, flags = second & MAX_LENGTH, second >> 24
            _check(first, length)
            if end - position - HEADER_BYTES < length:
                break
            start = position + HEADER_BYTES
            position = start + length
            payload = bytes(memoryview(self._buffer)[start:position])
            if first >> 31:
                frames.append(ControlFrame(first & 0xFFFF, flags, payload))
            else:
                frames.append(DataFrame(first, flags, payload))
        del self._buffer[:position]
        return frames


def _check(first: int, length: int) -> None:
    if not first >> 31:
        return
    version = (first >> 16) & 0x7FFF
    if version != VERSION:
        raise ProtocolError(f"SPDY version {version} is not supported")
    if length > MAX_CONTROL_BYTES:
        raise ProtocolError(f"control frame of {length} bytes is too long")
