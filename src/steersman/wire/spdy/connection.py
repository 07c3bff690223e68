"""One SPDY/3.1 connection without I/O: streams opened, accepted, written, half-closed and reset on either
side.

A stream ends when both sides have sent FIN, or at a reset. Pings are answered here; settings and window
updates are read and ignored, as every Kubernetes peer does. Frames of streams that already ended are
dropped: after a reset the peer's data may still be under way.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from steersman.wire.spdy import frames
from steersman.wire.spdy.frames import ControlType, ProtocolError, ResetStatus
from steersman.wire.spdy.headers import HeaderError, HeaderReader, Headers, HeaderWriter

MAX_STREAMS = 4096
"""Most streams open at once on one connection: bounds memory against a peer that only opens."""


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """The peer opened a stream: answer with `accept` or `reset`."""

    stream_id: int
    headers: Headers
    fin: bool


@dataclass(frozen=True, slots=True)
class StreamAccepted:
    stream_id: int
    headers: Headers


@dataclass(frozen=True, slots=True)
class HeadersReceived:
    stream_id: int
    headers: Headers


@dataclass(frozen=True, slots=True)
class DataReceived:
    """`fin`: the peer will send nothing more on this stream."""

    stream_id: int
    data: bytes
    fin: bool


@dataclass(frozen=True, slots=True)
class StreamReset:
    stream_id: int
    status: int


@dataclass(frozen=True, slots=True)
class Ponged:
    ping_id: int


@dataclass(frozen=True, slots=True)
class GoneAway:
    last_good: int
    status: int


Event = StreamOpened | StreamAccepted | HeadersReceived | DataReceived | StreamReset | Ponged | GoneAway


@dataclass(slots=True)
class _Stream:
    local_done: bool = False
    remote_done: bool = False


class Connection:
    """The state of one side; `client` decides the parity of stream and ping ids."""

    def __init__(self, *, client: bool) -> None:
        self._parity = 1 if client else 0
        self._next_id = 1 if client else 2
        self._next_ping = 1 if client else 2
        self._last_peer_id = 0
        self._streams: dict[int, _Stream] = {}
        self._splitter = frames.Splitter()
        self._reader = HeaderReader()
        self._writer = HeaderWriter()
        self._output: list[bytes] = []

    # --- what we do

    def open_stream(self, headers: Mapping[str, str], *, fin: bool = False) -> int:
        stream_id = self._next_id
        self._next_id += 2
        self._streams[stream_id] = _Stream(local_done=fin)
        self._output.append(frames.syn_stream(stream_id, self._writer.encode(headers), fin=fin))
        return stream_id

    def accept(self, stream_id: int, headers: Mapping[str, str] | None = None) -> None:
        self._output.append(frames.syn_reply(stream_id, self._writer.encode(headers or {})))

    def send(self, stream_id: int, data: bytes, *, fin: bool = False) -> None:
        """Queue data; nothing happens when the stream has ended or our side is half-closed."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.local_done:
            return
        for start in range(0, max(len(data), 1), frames.MAX_LENGTH):
            part = data[start : start + frames.MAX_LENGTH] if len(data) > frames.MAX_LENGTH else data
            last = fin and start + frames.MAX_LENGTH >= len(data)
            self._output.append(frames.encode_data_header(stream_id, len(part), fin=last))
            self._output.append(part)
        if fin:
            stream.local_done = True
            self._forget_ended(stream_id, stream)

    def reset(self, stream_id: int, status: ResetStatus = ResetStatus.CANCEL) -> None:
        if self._streams.pop(stream_id, None) is not None:
            self._output.append(frames.rst_stream(stream_id, status))

    def ping(self) -> int:
        ping_id = self._next_ping
        self._next_ping += 2
        self._output.append(frames.ping(ping_id))
        return ping_id

    def go_away(self, status: int = 0) -> None:
        self._output.append(frames.go_away(self._last_peer_id, status))

    def take_output(self) -> bytes:
        """Everything queued for the peer since the last call."""
        output = b"".join(self._output)
        self._output.clear()
        return output

    @property
    def open_streams(self) -> int:
        return len(self._streams)

    # --- what the peer does

    def receive(self, data: bytes) -> list[Event]:
        """Events caused by these bytes, in order; answers to pings are queued. Raises ProtocolError."""
        events: list[Event] = []
        for frame in self._splitter.feed(data):
            if isinstance(frame, frames.DataFrame):
                event = self._on_data(frame)
            else:
                try:
                    event = self._on_control(frame)
                except (struct.error, HeaderError) as error:
                    raise ProtocolError(f"malformed control frame of type {frame.type}: {error}") from error
            if event is not None:
                events.append(event)
        return events

    def _on_data(self, frame: frames.DataFrame) -> Event | None:
        stream = self._streams.get(frame.stream_id)
        if stream is None or stream.remote_done:
            return None
        fin = bool(frame.flags & frames.FLAG_FIN)
        if fin:
            stream.remote_done = True
            self._forget_ended(frame.stream_id, stream)
        return DataReceived(frame.stream_id, frame.data, fin)

    def _on_control(self, frame: frames.ControlFrame) -> Event | None:
        payload = frame.payload
        match frame.type:
            case ControlType.SYN_STREAM:
                return self._on_syn_stream(frame)
            case ControlType.SYN_REPLY:
                (stream_id,) = struct.unpack_from(">I", payload)
                return StreamAccepted(stream_id, self._reader.decode(payload[4:]))
            case ControlType.HEADERS:
                (stream_id,) = struct.unpack_from(">I", payload)
                return HeadersReceived(stream_id, self._reader.decode(payload[4:]))
            case ControlType.RST_STREAM:
                stream_id, status = struct.unpack_from(">II", payload)
                known = self._streams.pop(stream_id, None)
                return StreamReset(stream_id, status) if known else None
            case ControlType.PING:
                return self._on_ping(struct.unpack_from(">I", payload)[0])
            case ControlType.GOAWAY:
                return GoneAway(*struct.unpack_from(">II", payload))
            case _:
                return None

    def _on_syn_stream(self, frame: frames.ControlFrame) -> Event | None:
        (stream_id,) = struct.unpack_from(">I", frame.payload)
        headers = self._reader.decode(frame.payload[10:])
        if stream_id % 2 == self._parity or stream_id <= self._last_peer_id:
            raise ProtocolError(f"stream id {stream_id} is not the peer's to open")
        self._last_peer_id = stream_id
        if len(self._streams) >= MAX_STREAMS:
            self._output.append(frames.rst_stream(stream_id, ResetStatus.REFUSED_STREAM))
            return None
        fin = bool(frame.flags & frames.FLAG_FIN)
        self._streams[stream_id] = _Stream(remote_done=fin)
        return StreamOpened(stream_id, headers, fin)

    def _on_ping(self, ping_id: int) -> Event | None:
        if ping_id % 2 == self._parity:
            return Ponged(ping_id)
        self._output.append(frames.ping(ping_id))
        return None

    def _forget_ended(self, stream_id: int, stream: _Stream) -> None:
        if stream.local_done and stream.remote_done:
            self._streams.pop(stream_id, None)
