"""Talking to a cluster's supervisor: start it when needed, ask it, see what it looks after."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steersman.bootstrap.local.processes import Identity, boot_id, is_running

if TYPE_CHECKING:
    from pathlib import Path

    from steersman.bootstrap.local.processes import ProcessSpec

START_SECONDS = 10.0
REQUEST_SECONDS = 60.0
"""A shutdown ends many processes one after the other."""


class SupervisorError(Exception):
    """The supervisor does not answer, or refused."""


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """What the supervisor says of one process."""

    name: str
    pid: int
    """0 while it does not run."""
    wanted: bool
    restarts: int
    trouble: str
    log: str


@dataclass(frozen=True, slots=True)
class Control:
    """The caller's end of a supervisor's socket."""

    state_file: Path
    socket_path: Path
    log: Path

    def request(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Ask one thing. Raises: SupervisorError."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(REQUEST_SECONDS)
            try:
                connection.connect(str(self.socket_path))
                connection.sendall(json.dumps({"op": operation, **arguments}).encode() + b"\n")
                line = connection.makefile("rb").readline()
            except OSError as error:
                raise SupervisorError(f"the cluster's supervisor does not answer: {error}") from error
        if not line:
            raise SupervisorError(f"the cluster's supervisor went away; its log is {self.log}")
        response: dict[str, Any] = json.loads(line)
        if "error" in response:
            raise SupervisorError(str(response["error"]))
        return response

    def is_running(self) -> bool:
        """Whether a supervisor answers."""
        try:
            self.request("ping")
        except SupervisorError:
            return False
        return True

    def ensure_running(self) -> bool:
        """Start the supervisor unless one answers; say whether it was started. Raises: SupervisorError."""
        if self.is_running():
            return False
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            program = [sys.executable, "-m", "steersman.bootstrap.local.supervisor"]
            supervisor = subprocess.Popen(
                [*program, str(self.state_file), str(self.socket_path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        self.wait_running(supervisor)
        return True

    def wait_running(self, supervisor: subprocess.Popen[bytes]) -> None:
        """Wait until a supervisor just started answers. Raises: SupervisorError."""
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running():
            if supervisor.poll() is not None:
                raise SupervisorError(f"the supervisor ended at once; its log is {self.log}")
            if time.monotonic() > deadline:
                raise SupervisorError(f"the supervisor did not start in time; its log is {self.log}")
            time.sleep(0.01)
        # It outlives this process on purpose: nobody here waits for its end.
        supervisor.returncode = 0

    def start(self, spec: ProcessSpec) -> int:
        """Make sure a process runs; give its pid, or 0 when it could not be started yet."""
        return int(self.request("start", spec=spec.to_json())["pid"])

    def stop(self, name: str) -> None:
        """End a process and everything inside it; it is known but not wanted afterwards."""
        self.request("stop", name=name)

    def remove(self, name: str) -> None:
        """End a process and forget it."""
        self.request("remove", name=name)

    def shutdown(self) -> None:
        """End everything, the supervisor last."""
        self.request("shutdown")

    def status(self) -> list[ProcessStatus]:
        """What runs and what does not. Raises: SupervisorError."""
        return [process_status(entry) for entry in self.request("status")["processes"]]

    def supervisor_pid(self) -> int:
        """The supervisor's own pid. Raises: SupervisorError."""
        return int(self.request("ping")["pid"])

    def last_known(self) -> list[tuple[int, int]]:
        """(pid, start time) of every process in the state file, for when no supervisor answers any more."""
        if not self.state_file.exists():
            return []
        content = json.loads(self.state_file.read_bytes())
        if content.get("boot") != boot_id():
            return []
        return [(p["pid"], p["started"]) for p in content["processes"] if p["pid"]]

    def any_alive(self) -> bool:
        """Whether anything in the state file still runs, supervised or not."""
        return any(is_running(Identity(pid, started)) for pid, started in self.last_known())


def process_status(entry: dict[str, Any]) -> ProcessStatus:
    """Read one entry of the supervisor's answer."""
    spec = entry["spec"]
    return ProcessStatus(
        spec["name"], entry["pid"], entry["wanted"], entry["restarts"], entry["trouble"], spec["log"]
    )


def component_environment() -> dict[str, str]:
    """What every Python process of a cluster gets: output at once, few memory arenas, a quiet gRPC."""
    return {
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "2"),
        # Its handlers for fork() are for programs that fork without exec, which none here does.
        "GRPC_ENABLE_FORK_SUPPORT": "0",
        "GRPC_VERBOSITY": "ERROR",
    }
