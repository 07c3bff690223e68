"""One process at a time: start it detached, recognise it again after a restart, end it.

Only the standard library, and little of it: the supervisor that uses this has to stay small. A process is
known by its pid together with its start time, so that a pid used again by somebody else is never taken for
ours.
"""

from __future__ import annotations

import os
import select
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

CHILD_SECONDS = 2.0
"""How long a launcher (nsenter, unshare) may take to fork the process it is for."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to run and how to look after it."""

    name: str
    """Unique in a cluster, such as "apiserver" or "node-1/containerd"."""
    argv: tuple[str, ...]
    log: str
    """Absolute path; standard output and error are appended."""
    environment: dict[str, str] = field(default_factory=dict)
    """Added to the supervisor's own."""
    inside: str = ""
    """Name of the process whose namespaces this one is started in; it waits while that one does not run."""
    forks: bool = False
    """Whether argv[0] is a launcher whose only child is the process meant."""
    restart: bool = True
    """Whether it is started again when it ends."""
    stop_seconds: float = 10.0
    """From SIGTERM to SIGKILL."""

    def to_json(self) -> dict[str, Any]:
        """For the state file and the control socket."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> ProcessSpec:
        """Read what `to_json` wrote."""
        return cls(**{**content, "argv": tuple(content["argv"])})


@dataclass(frozen=True, slots=True)
class Identity:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    started: int
    """Clock ticks since boot, from /proc/<pid>/stat."""


def identity(pid: int) -> Identity | None:
    """Identify a running process; None when it has ended (a zombie has)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else Identity(pid, int(fields[19]))


def boot_id() -> str:
    """Changes with every start of the machine: pids and start times of an earlier one mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def is_running(who: Identity) -> bool:
    """Whether this very process still runs."""
    return identity(who.pid) == who


def namespace_argv(target: int) -> tuple[str, ...]:
    """The launcher that puts a command into all namespaces of process `target`."""
    return ("nsenter", "--target", str(target), "--mount", "--uts", "--ipc", "--net", "--pid", "--")


def spawn(spec: ProcessSpec, target: int | None = None) -> int:
    """Start a process in a session of its own, in the namespaces of `target` when given; give its pid.

    Raises: OSError when it cannot be started, ProcessLookupError when its launcher ended without forking.
    """
    argv = spec.argv if target is None else (*namespace_argv(target), *spec.argv)
    Path(spec.log).parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    launched = os.posix_spawnp(
        argv[0],
        argv,
        {**os.environ, **spec.environment},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, spec.log, flags, 0o640),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=(signal.SIGPIPE, signal.SIGCHLD),
    )
    return wait_child(launched) if spec.forks or target is not None else launched


def wait_child(launcher: int) -> int:
    """Wait for the one child of a launcher. Raises: ProcessLookupError when there will be none."""
    deadline = time.monotonic() + CHILD_SECONDS
    while time.monotonic() < deadline:
        try:
            children = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            break
        if children:
            return int(children[0])
        if identity(launcher) is None:
            break
        select.select([], [], [], 0.002)
    raise ProcessLookupError(f"process {launcher} ended before it started what it was for")


def end(who: Identity, seconds: float) -> bool:
    """Ask a process to end, and make it after `seconds`; whether it was still running."""
    if not is_running(who):
        return False
    try:
        descriptor = os.pidfd_open(who.pid)
    except ProcessLookupError:
        return False
    try:
        if seconds > 0:
            signal_process(descriptor, signal.SIGTERM)
            if wait_end(descriptor, seconds):
                return True
        signal_process(descriptor, signal.SIGKILL)
        wait_end(descriptor, 10.0)
    finally:
        os.close(descriptor)
    return True


def wait_end(descriptor: int, seconds: float) -> bool:
    """Wait until the process behind a pidfd has ended; whether it did in time."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def signal_process(descriptor: int, number: signal.Signals) -> None:
    """Signal the process behind a pidfd; one that is gone already is fine."""
    try:
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return
