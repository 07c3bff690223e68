"""The supervisor, with real processes: it starts them again, and it may itself be killed."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from steersman.bootstrap.local.control import Control, ProcessStatus, SupervisorError
from steersman.bootstrap.local.processes import Identity, ProcessSpec, identity, is_running
from steersman.bootstrap.local.supervisor import restart_delay, trim_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    with tempfile.TemporaryDirectory(prefix="sm-sup-", dir="/tmp") as short:
        made = Control(tmp_path / "state.json", Path(short, "s"), tmp_path / "supervisor.log")
        made.ensure_running()
        yield made
        if made.is_running():
            made.shutdown()


def spec(directory: Path, name: str = "one", **more: object) -> ProcessSpec:
    return ProcessSpec(name, ("sleep", "1000"), str(directory / f"{name}.log"), **more)  # type: ignore[arg-type]


def look(control: Control, name: str = "one") -> ProcessStatus:
    return next(status for status in control.status() if status.name == name)


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_a_killed_process_is_started_again_at_once(control: Control, tmp_path: Path) -> None:
    pid = control.start(spec(tmp_path))
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: look(control).pid not in (0, pid), seconds=1.0)
    assert look(control).restarts == 1


def test_starting_twice_is_starting_once(control: Control, tmp_path: Path) -> None:
    assert control.start(spec(tmp_path)) == control.start(spec(tmp_path))


def test_a_changed_command_line_replaces_the_process(control: Control, tmp_path: Path) -> None:
    pid = control.start(spec(tmp_path))
    other = ProcessSpec("one", ("sleep", "2000"), str(tmp_path / "one.log"))
    assert control.start(other) != pid
    assert identity(pid) is None


def test_a_stopped_process_stays_stopped(control: Control, tmp_path: Path) -> None:
    pid = control.start(spec(tmp_path))
    control.stop("one")
    assert identity(pid) is None
    assert (look(control).pid, look(control).wanted) == (0, False)


def test_a_process_that_is_not_to_be_restarted_is_not(control: Control, tmp_path: Path) -> None:
    pid = control.start(spec(tmp_path, restart=False))
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: look(control).pid == 0)
    assert look(control).wanted is False


def test_processes_outlive_their_supervisor_and_are_recognised(control: Control, tmp_path: Path) -> None:
    pid = control.start(spec(tmp_path))
    os.kill(control.supervisor_pid(), signal.SIGKILL)
    eventually(lambda: not control.is_running())
    assert identity(pid) is not None
    assert control.ensure_running() is True
    assert look(control).pid == pid
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: look(control).pid not in (0, pid))


def test_after_a_reboot_nothing_is_taken_for_ours(control: Control, tmp_path: Path) -> None:
    pid = control.start(spec(tmp_path))
    os.kill(control.supervisor_pid(), signal.SIGKILL)
    eventually(lambda: not control.is_running())
    state = json.loads(control.state_file.read_text())
    control.state_file.write_text(json.dumps({**state, "boot": "another"}))
    assert control.last_known() == []
    control.ensure_running()
    eventually(lambda: look(control).pid not in (0, pid))
    os.kill(pid, signal.SIGKILL)


def test_a_program_that_cannot_be_started_is_reported(control: Control, tmp_path: Path) -> None:
    control.start(ProcessSpec("bad", ("/does/not/exist",), str(tmp_path / "bad.log")))
    assert "cannot be started" in look(control, "bad").trouble


def test_shutdown_ends_everything(control: Control, tmp_path: Path) -> None:
    pids = [control.start(spec(tmp_path, name)) for name in ("one", "two")]
    supervisor = control.supervisor_pid()
    control.shutdown()
    eventually(lambda: all(identity(pid) is None for pid in (*pids, supervisor)))


def test_a_bad_request_harms_nobody(control: Control) -> None:
    with pytest.raises(SupervisorError, match="unknown operation"):
        control.request("nonsense")
    with pytest.raises(SupervisorError, match="KeyError"):
        control.request("stop")
    assert control.is_running()


def test_a_process_that_ignores_sigterm_is_killed(control: Control, tmp_path: Path) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 1; done"
    log = tmp_path / "stubborn.log"
    pid = control.start(ProcessSpec("stubborn", ("sh", "-c", script), str(log), stop_seconds=0.2))
    eventually(lambda: "ready" in log.read_text())
    control.stop("stubborn")
    assert identity(pid) is None


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0.0), (1, 0.0), (2, 0.25), (3, 0.5), (4, 1.0), (8, 10.0), (50, 10.0)]
)
def test_delays_between_restarts_grow(failures: int, seconds: float) -> None:
    assert restart_delay(failures) == seconds


def test_a_pid_used_again_is_another_process() -> None:
    here = identity(os.getpid())
    assert here is not None
    assert is_running(here)
    assert not is_running(Identity(here.pid, here.started - 1))


def test_a_long_log_keeps_its_newest_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steersman.bootstrap.local.supervisor.LOG_BYTES", 100)
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {i:03}\n" for i in range(50)))
    trim_log(log)
    lines = log.read_text().splitlines()
    assert lines[-1] == "line 049"
    assert all(line.startswith("line ") for line in lines)
    assert len(lines) <= 6
