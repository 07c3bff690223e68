"""The supervisor of one local cluster: a small detached program that owns every long-running process of it.

    python -m steersman.bootstrap.local.supervisor STATE_FILE SOCKET

It starts what it is told to over a Unix socket, starts again what ends (at once the first time, then with
growing delays), keeps logs within bounds, and remembers everything in a state file. It may be killed and
started again: it recognises the processes of its predecessor, which never noticed. SIGTERM ends only the
supervisor; `shutdown` ends all.

One request a connection, one JSON object a line each way (`control.py` is the other end):
`{"op": "start", "spec": {...}}`, `{"op": "stop", "name": "..."}`, `status`, `ping`, `shutdown`.

A plain loop over pidfds rather than an event loop library: this process stays for as long as the cluster
does, and asyncio alone would cost eight megabytes.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steersman.bootstrap.files import write_file
from steersman.bootstrap.local.processes import (
    Identity,
    ProcessSpec,
    boot_id,
    end,
    identity,
    is_running,
    spawn,
)

STEADY_SECONDS = 10.0
"""A process that ran this long is healthy again: its next end counts as the first."""
FIRST_DELAY = 0.25
LONGEST_DELAY = 10.0
"""Seconds before starts after the first; doubled each time."""
LOG_BYTES = 16 * 1024 * 1024
"""A log larger than this is cut to its newest half."""
HOUSEKEEPING_SECONDS = 60.0


def restart_delay(failures: int) -> float:
    """Seconds to wait before start number `failures` (1: the first after a healthy time)."""
    return 0.0 if failures <= 1 else float(min(FIRST_DELAY * 2 ** (failures - 2), LONGEST_DELAY))


@dataclass(slots=True)
class Process:
    """One supervised process and what became of it."""

    spec: ProcessSpec
    wanted: bool = True
    who: Identity | None = None
    descriptor: int = -1
    """pidfd while it runs."""
    since: float = 0.0
    """Monotonic seconds of its last start."""
    restarts: int = 0
    failures: int = 0
    """Ends in a row without a healthy time between."""
    due: float = 0.0
    """Monotonic seconds at which it may be started."""
    trouble: str = ""
    """Why it does not run."""

    def to_json(self) -> dict[str, Any]:
        """For the state file and `status`."""
        return {
            "spec": self.spec.to_json(),
            "wanted": self.wanted,
            "pid": self.who.pid if self.who else 0,
            "started": self.who.started if self.who else 0,
            "restarts": self.restarts,
            "trouble": self.trouble,
        }


class Supervisor:
    """The table of processes and the loop around it."""

    def __init__(self, state_file: Path) -> None:
        self.state_file = state_file
        self.processes: dict[str, Process] = {}
        self.selector = selectors.DefaultSelector()
        self.done = False

    def adopt(self) -> None:
        """Take over what an earlier supervisor left in the state file."""
        if not self.state_file.exists():
            return
        state = json.loads(self.state_file.read_bytes())
        same_boot = state.get("boot") == boot_id()
        for content in state["processes"]:
            process = Process(ProcessSpec.from_json(content["spec"]), restarts=content["restarts"])
            process.wanted = content["wanted"] and process.spec.restart
            self.processes[process.spec.name] = process
            who = Identity(content["pid"], content["started"])
            if same_boot and who.pid and is_running(who):
                self.attach(process, who)
                process.wanted = content["wanted"]

    def attach(self, process: Process, who: Identity) -> None:
        """Watch a running process for its end."""
        process.who, process.since, process.trouble = who, time.monotonic(), ""
        process.descriptor = os.pidfd_open(who.pid)
        self.selector.register(process.descriptor, selectors.EVENT_READ, process)

    def launch(self, process: Process) -> None:
        """Start a process now; trouble is noted and tried again with a delay."""
        target = None
        if process.spec.inside:
            host = self.processes.get(process.spec.inside)
            if host is None or host.who is None:
                process.trouble, process.due = f"waits for {process.spec.inside}", float("inf")
                return
            target = host.who.pid
        try:
            who = identity(spawn(process.spec, target))
            if who is None:
                raise ProcessLookupError("it ended at once")
            self.attach(process, who)
        except OSError as error:
            self.ended(process, f"cannot be started: {error}")

    def ended(self, process: Process, trouble: str) -> None:
        """Note the end of a process and plan what follows."""
        if process.descriptor >= 0:
            self.selector.unregister(process.descriptor)
            os.close(process.descriptor)
        now = time.monotonic()
        steady = process.who is not None and now - process.since >= STEADY_SECONDS
        process.who, process.descriptor, process.trouble = None, -1, trouble
        process.failures = 1 if steady else process.failures + 1
        if not process.wanted or not process.spec.restart:
            process.wanted = False
            return
        process.restarts += 1
        process.due = now + restart_delay(process.failures)

    def run_due(self) -> float:
        """Start what is due; seconds until the next that will be."""
        now = time.monotonic()
        idle = [p for p in self.processes.values() if p.wanted and p.who is None]
        changed = [p for p in idle if p.due <= now]
        for process in changed:
            self.launch(process)
        if changed:
            self.save()
        waiting = [p.due - now for p in idle if p.who is None and p.wanted]
        return max(0.0, min([*waiting, HOUSEKEEPING_SECONDS]))

    def start(self, spec: ProcessSpec) -> Process:
        """Make sure a process runs as `spec` says; a different one of that name is ended first."""
        process = self.processes.get(spec.name)
        if process is not None and process.spec != spec:
            self.stop(process)
            process = None
        if process is None:
            process = self.processes[spec.name] = Process(spec)
        process.wanted, process.failures, process.due = True, 0, 0.0
        if process.who is None:
            self.launch(process)
        for other in self.processes.values():
            if other.spec.inside == spec.name:
                other.due = 0.0
        self.save()
        return process

    def stop(self, process: Process) -> None:
        """End a process for good, after everything inside it."""
        for other in list(self.processes.values()):
            if other.spec.inside == process.spec.name and other.who is not None:
                self.stop(other)
        process.wanted = False
        if process.who is not None:
            end(process.who, process.spec.stop_seconds)
            self.ended(process, "stopped")
        process.trouble = "stopped"
        self.save()

    def save(self) -> None:
        """Write the state file."""
        processes = [process.to_json() for process in self.processes.values()]
        content = {"pid": os.getpid(), "boot": boot_id(), "processes": processes}
        write_file(self.state_file, json.dumps(content))

    def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request of the control socket."""
        operation = request.get("op")
        if operation == "start":
            return self.start(ProcessSpec.from_json(request["spec"])).to_json()
        if operation in {"stop", "remove"}:
            process = self.processes.get(request["name"])
            if process is not None:
                self.stop(process)
            if operation == "remove":
                self.processes.pop(request["name"], None)
                self.save()
            return {}
        if operation == "shutdown":
            for process in reversed(list(self.processes.values())):
                self.stop(process)
            self.done = True
            return {}
        if operation in {"status", "ping"}:
            return {"pid": os.getpid(), "processes": [p.to_json() for p in self.processes.values()]}
        return {"error": f"unknown operation {operation!r}"}

    def serve(self, listener: socket.socket, wakeup: int) -> None:
        """Work until `shutdown` or a signal."""
        self.selector.register(listener, selectors.EVENT_READ, "control")
        self.selector.register(wakeup, selectors.EVENT_READ, "signal")
        housekeeping = time.monotonic() + HOUSEKEEPING_SECONDS
        while not self.done:
            for key, _ in self.selector.select(self.run_due()):
                if key.data == "control":
                    answer(listener, self)
                elif key.data == "signal":
                    self.done |= signal.SIGTERM in os.read(wakeup, 512)
                else:
                    self.ended(key.data, "ended")
                    self.save()
            reap()
            if time.monotonic() >= housekeeping:
                housekeeping = time.monotonic() + HOUSEKEEPING_SECONDS
                for process in self.processes.values():
                    trim_log(Path(process.spec.log))


def answer(listener: socket.socket, supervisor: Supervisor) -> None:
    """Serve one connection: a request line, a response line. A bad request harms nobody."""
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(5.0)
        try:
            line = connection.makefile("rb").readline()
            response = supervisor.handle(json.loads(line))
        except (ValueError, KeyError, TypeError, OSError) as error:
            response = {"error": f"{type(error).__name__}: {error}"}
        try:
            connection.sendall(json.dumps(response).encode() + b"\n")
        except OSError as error:
            print(f"the caller went away: {error}", file=sys.stderr, flush=True)


def reap() -> None:
    """Collect ended children, so that none stays a zombie."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


def trim_log(path: Path) -> None:
    """Cut an overlong log to its newest half; writers append, so they carry on behind it."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return
    if size <= LOG_BYTES:
        return
    with path.open("r+b") as file:
        file.seek(size - LOG_BYTES // 2)
        newest = file.read()
        file.seek(0)
        file.truncate()
        file.write(newest[newest.find(b"\n") + 1 :])


def listen(path: Path) -> socket.socket:
    """Open the control socket. Raises: SystemExit when another supervisor answers there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
        else:
            raise SystemExit(f"another supervisor listens on {path}")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(16)
    return listener


def main(argv: list[str]) -> int:
    """Run the supervisor; see the module."""
    state_file, socket_path = Path(argv[1]), Path(argv[2])
    listener = listen(socket_path)
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Path("/proc/self/comm").write_text("steersman-super")
    supervisor = Supervisor(state_file)
    supervisor.adopt()
    supervisor.save()
    try:
        supervisor.serve(listener, reading)
    finally:
        listener.close()
        socket_path.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv))
