"""When streaming answers are sent, and in which order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from steersman.apiserver.http.flusher import LONGEST_PAUSE, Flusher
from steersman.apiserver.http.sink import ConnectionSink
from steersman.apiserver.http.values import Frame

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Loop:
    """Notes what is to be called, and after how many seconds."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def call_soon(self, fn: Callable[[], None]) -> None:
        self.calls.append((0.0, fn))

    def call_later(self, seconds: float, fn: Callable[[], None]) -> None:
        self.calls.append((seconds, fn))

    def run(self) -> float:
        seconds, fn = self.calls.pop(0)
        fn()
        return seconds


class Wire:
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


def sink_on(loop: Loop) -> tuple[ConnectionSink, Wire]:
    wire, flusher = Wire(), Flusher(cast("asyncio.AbstractEventLoop", loop))
    connection: Any = None
    return ConnectionSink(connection, cast("asyncio.Transport", wire), flusher), wire


def test_frames_of_one_round_go_in_one_piece() -> None:
    loop = Loop()
    sink, wire = sink_on(loop)
    sink.write_frame(Frame(b"a"))
    sink.write_frame(Frame(b"b"))
    assert (wire.written, sink.buffered) == ([], 12)
    assert loop.run() == 0.0
    assert (wire.written, sink.buffered, loop.calls) == ([b"1\r\na\r\n1\r\nb\r\n"], 0, [])


def test_what_is_written_meanwhile_comes_behind_the_frames() -> None:
    loop = Loop()
    sink, wire = sink_on(loop)
    sink.write_frame(Frame(b"a"))
    sink.write(b"b")
    sink.write_frame(Frame(b"c"))
    sink.finish()
    assert b"".join(wire.written) == b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n"


def test_a_round_that_took_long_lets_the_next_one_wait_but_not_for_ever() -> None:
    loop = Loop()
    flusher = Flusher(cast("asyncio.AbstractEventLoop", loop))
    flusher.soon(lambda: time.sleep(2 * LONGEST_PAUSE))
    assert loop.run() == 0.0
    flusher.soon(lambda: None)
    assert 0.0 < loop.run() <= LONGEST_PAUSE
