"""WebSocket (RFC 6455) without I/O: the handshake's arithmetic and a frame machine for either side.

Used where a connection is taken over from the HTTP server, so that the channel protocols of exec, attach and
port-forward read their messages and control their own back-pressure. No extensions, no compression.
"""

import base64
import enum
import hashlib
import os
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""Longest message accepted: clients write 32 KiB at a time."""


class Opcode(enum.IntEnum):
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class CloseCode(enum.IntEnum):
    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011


class WebSocketError(ValueError):
    """The peer broke the protocol; `code` is what to close with."""

    def __init__(self, message: str, code: CloseCode = CloseCode.PROTOCOL_ERROR) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Message:
    """A whole text or binary message."""

    data: bytes
    text: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """The peer closes; the answer is already queued."""

    code: int
    reason: str


def accept_key(key: str) -> str:
    """Sec-WebSocket-Accept for a client's Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def offered_subprotocols(headers: Iterable[str]) -> list[str]:
    """The names in all Sec-WebSocket-Protocol header lines, in the client's order."""
    return [name.strip() for line in headers for name in line.split(",") if name.strip()]


class WebSocket:
    """One side of an open connection. The client masks; the server refuses unmasked frames."""

    def __init__(self, *, client: bool, random: Callable[[int], bytes] = os.urandom) -> None:
        self._client = client
        self._random = random
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        self._parts_text = False
        self._output: list[bytes] = []
        self._closing = False

    # --- what we do

    def send(self, data: bytes, *, text: bool = False) -> None:
        if not self._closing:
            self._frame(Opcode.TEXT if text else Opcode.BINARY, data)

    def ping(self, data: bytes = b"") -> None:
        self._frame(Opcode.PING, data)

    def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        if not self._closing:
            self._closing = True
            self._frame(Opcode.CLOSE, struct.pack(">H", code) + reason.encode()[:120])

    def take_output(self) -> bytes:
        output = b"".join(self._output)
        self._output.clear()
        return output

    # --- what the peer does

    def receive(self, data: bytes) -> list[Message | Closed]:
        """Messages completed by these bytes; pings are answered. Raises WebSocketError."""
        self._buffer += data
        events: list[Message | Closed] = []
        while (frame := self._next_frame()) is not None:
            event = self._on_frame(*frame)
            if event is not None:
                events.append(event)
        return events

    def _next_frame(self) -> tuple[bool, int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        fin, opcode = bool(buffer[0] & 0x80), buffer[0] & 0x0F
        if buffer[0] & 0x70:
            raise WebSocketError("reserved bits are set")
        masked, length = bool(buffer[1] & 0x80), buffer[1] & 0x7F
        if masked is self._client:
            raise WebSocketError("the frame is masked" if self._client else "the frame is not masked")
        position = 2
        if length >= 126:
            size, layout = (2, ">H") if length == 126 else (8, ">Q")
            if len(buffer) < position + size:
                return None
            (length,) = struct.unpack_from(layout, buffer, position)
            position += size
        if length + self._parts_bytes > MAX_MESSAGE_BYTES:
            raise WebSocketError(f"message is longer than {MAX_MESSAGE_BYTES} bytes", CloseCode.TOO_BIG)
        end = position + (4 if masked else 0) + length
        if len(buffer) < end:
            return None
        payload = bytes(memoryview(buffer)[end - length : end])
        if masked:
            payload = _masked(payload, bytes(buffer[position : position + 4]))
        del buffer[:end]
        return fin, opcode, payload

    def _on_frame(self, fin: bool, opcode: int, payload: bytes) -> Message | Closed | None:
        if opcode >= Opcode.CLOSE:
            return self._on_control(fin, opcode, payload)
        if opcode not in (Opcode.CONTINUATION, Opcode.TEXT, Opcode.BINARY):
            raise WebSocketError(f"unknown opcode {opcode}")
        if (opcode == Opcode.CONTINUATION) != bool(self._parts):
            raise WebSocketError("continuation frames are out of order")
        if opcode != Opcode.CONTINUATION:
            self._parts_text = opcode == Opcode.TEXT
            if fin:
                return Message(payload, self._parts_text)
        self._parts.append(payload)
        self._parts_bytes += len(payload)
        if not fin:
            return None
        data = b"".join(self._parts)
        self._parts.clear()
        self._parts_bytes = 0
        return Message(data, self._parts_text)

    def _on_control(self, fin: bool, opcode: int, payload: bytes) -> Closed | None:
        if not fin or len(payload) > 125:
            raise WebSocketError("control frames are short and whole")
        if opcode == Opcode.PING:
            if not self._closing:
                self._frame(Opcode.PONG, payload)
            return None
        if opcode == Opcode.PONG:
            return None
        if opcode != Opcode.CLOSE:
            raise WebSocketError(f"unknown opcode {opcode}")
        code = struct.unpack_from(">H", payload)[0] if len(payload) >= 2 else CloseCode.NORMAL
        self.close(code)
        return Closed(code, payload[2:].decode("utf-8", "replace"))

    def _frame(self, opcode: Opcode, payload: bytes) -> None:
        mask_bit = 0x80 if self._client else 0
        length = len(payload)
        if length < 126:
            head = struct.pack(">BB", 0x80 | opcode, mask_bit | length)
        elif length < 1 << 16:
            head = struct.pack(">BBH", 0x80 | opcode, mask_bit | 126, length)
        else:
            head = struct.pack(">BBQ", 0x80 | opcode, mask_bit | 127, length)
        self._output.append(head)
        if self._client:
            mask = self._random(4)
            self._output.append(mask)
            payload = _masked(payload, mask)
        self._output.append(payload)


def _masked(payload: bytes, mask: bytes) -> bytes:
    """XOR with the repeated mask, as one big-integer operation (a byte loop would be a hundred times
    slower)."""
    length = len(payload)
    if not length or mask == b"\0\0\0\0":
        return payload
    repeated = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(length)
