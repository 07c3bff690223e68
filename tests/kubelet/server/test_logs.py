"""Container logs: tails, limits, times, streams, following over a rotation, and what cannot be shown."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steersman.api.errors import BadRequest
from steersman.kubelet.server.container_logs import check_log_available, parse_options
from steersman.kubelet.server.crilog import LogFormatter, LogOptions, tail_offset
from steersman.kubelet.server.logstream import open_log, read_log
from steersman.runtime.clock import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

T1, T2 = "2026-01-01T00:00:01.5Z", "2026-01-01T00:00:02.000000001Z"
LINES = f"{T1} stdout F one\n{T1} stdout P part \n{T1} stdout F whole\n{T2} stderr F two\n".encode()


def shown(options: LogOptions, data: bytes = LINES) -> bytes:
    formatter = LogFormatter(options)
    return b"".join(formatter.format(line) for line in data.splitlines())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        pytest.param(LogOptions(), b"one\npart whole\ntwo\n", id="parts of a line are joined"),
        pytest.param(LogOptions(stream="Stderr"), b"two\n", id="one stream"),
        pytest.param(LogOptions(since=1767225602.0), b"two\n", id="since a time"),
        pytest.param(LogOptions(limit_bytes=6), b"one\npa", id="a limit cuts inside a line"),
        pytest.param(
            LogOptions(timestamps=True),
            f"{T1} one\n{T1} part whole\n{T2} two\n".encode(),
            id="one timestamp for a joined line",
        ),
    ],
)
def test_options_decide_what_is_shown(options: LogOptions, text: bytes) -> None:
    assert shown(options) == text


def test_timestamps_of_another_zone_compare_as_times() -> None:
    assert shown(LogOptions(since=1767225602.0), b"2026-01-01T01:00:02.1+01:00 stdout F x\n") == b"x\n"


def test_lines_that_are_no_cri_lines_are_left_out() -> None:
    assert shown(LogOptions(), b"garbage\n" + LINES) == b"one\npart whole\ntwo\n"


@given(
    st.lists(st.binary(max_size=3000).map(lambda line: line.replace(b"\n", b"")), max_size=80),
    st.integers(0, 90),
)
def test_the_tail_is_the_last_lines(lines: list[bytes], count: int) -> None:
    data = b"".join(line + b"\n" for line in lines)
    offset = tail_offset(io.BytesIO(data), count)
    expected = lines[max(len(lines) - count, 0) :]
    assert data[offset:] == b"".join(line + b"\n" for line in expected)


async def test_following_goes_over_a_rotation_and_ends_with_the_container(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(f"{T1} stdout F old\n".encode())
    clock, asked = FakeClock(), 0

    async def running() -> bool:
        nonlocal asked
        asked += 1
        if asked == 1:
            path.rename(tmp_path / "0.log.1")
            path.write_bytes(f"{T1} stdout F new\n".encode())
        elif asked == 2:
            with path.open("ab") as file:
                file.write(f"{T2} stdout F last\n".encode())
            return False
        clock.advance(1)
        return True

    options = LogOptions(follow=True)
    pieces = [
        piece async for piece in read_log(open_log(str(path)), str(path), options, running, _Instant(clock))
    ]
    assert b"".join(pieces) == b"old\nnew\nlast\n"


class _Instant(FakeClock):
    """Sleeps that move the clock instead of waiting."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        self._clock.advance(seconds)


def pod(state: dict[str, Any], last: dict[str, Any] | None = None) -> dict[str, Any]:
    status = {"name": "c", "state": state, "lastState": last or {}}
    return {"metadata": {"name": "p"}, "status": {"containerStatuses": [status]}}


WAITING = {"waiting": {"reason": "ContainerCreating"}}
DEAD = {"terminated": {"containerID": "containerd://x"}}


@pytest.mark.parametrize(
    ("found", "previous", "message"),
    [
        (pod(WAITING), False, 'container "c" in pod "p" is waiting to start: ContainerCreating'),
        (
            pod({"waiting": {"reason": "ImagePullBackOff"}}),
            False,
            'container "c" in pod "p" is waiting to start: trying and failing to pull image',
        ),
        (pod({"running": {}}), True, 'previous terminated container "c" in pod "p" not found'),
        ({"metadata": {"name": "p"}}, False, 'container "c" in pod "p" is not available'),
    ],
)
def test_logs_that_cannot_be_are_explained(found: dict[str, Any], previous: bool, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_log_available(found, "c", previous=previous)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("found", "previous"),
    [
        (pod({"running": {}}), False),
        (pod(WAITING, DEAD), False),
        (pod(DEAD), False),
        (pod({"running": {}}, DEAD), True),
    ],
    ids=["running", "restarting", "ended", "previous of running"],
)
def test_logs_that_exist_are_shown(found: dict[str, Any], previous: bool) -> None:
    check_log_available(found, "c", previous=previous)


def test_the_query_of_a_log_request() -> None:
    options = parse_options({"sinceSeconds": "10", "tailLines": "0", "follow": "true"}, now=100.0)
    assert (options.since, options.tail_lines, options.follow) == (90.0, 0, True)


@pytest.mark.parametrize("query", [{"tailLines": "-1"}, {"limitBytes": "0"}, {"sinceTime": "yesterday"}])
def test_bad_queries_are_refused(query: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        parse_options(query, now=0.0)
