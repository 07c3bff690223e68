"""Keeps containerd from cutting an exec session's standard input off.

containerd (1.6, 1.7) stops copying stdin into a process as soon as one of the process's outputs is closed,
and ends a session only when all of its stdin was read. Both break common commands:

    kubectl exec -i pod -- sh -c 'cat > file' < big    the shell becomes cat, whose stdout is the file: stdin
    is cut kubectl exec -i pod -- true < big                  nobody reads stdin: the session never ends

An exec session's streams are named pipes in containerd's state directory. For sessions with stdin the keeper
holds the output pipes open until the process has ended (a pidfd tells), so that containerd sees them end no
earlier, and takes what is left of stdin then. Other runtimes have no such pipes, and nothing happens.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.kubelet.server")

CRI_STATE = "io.containerd.grpc.v1.cri"
TASK_STATE = "io.containerd.runtime.v2.task/k8s.io"
LOOK_EVERY = 0.002
"""Seconds between looks for the pipes: they must be found before the process starts, some 20 ms after
them."""
FIND_SECONDS = 10.0
"""How long a client may take to open its streams, after which the process starts."""
DRAIN_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Session:
    """The pipes of one exec session."""

    directory: str
    exec_id: str

    def pipe(self, stream: str) -> str:
        return os.path.join(self.directory, f"{self.exec_id}-{stream}")


class StdioKeeper:
    """An async context manager; its tasks end with it."""

    def __init__(self, runtime_socket: str, clock: Clock) -> None:
        home = os.path.dirname(runtime_socket.removeprefix("unix://"))
        self._homes = (home, os.path.join(home, "state")) if home else ()
        self._clock = clock
        self._claimed: set[Session] = set()
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> StdioKeeper:
        self._tasks = await TaskGroup().__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        tasks, self._tasks = self._tasks, None
        if tasks is not None:
            tasks.cancel_all()
            await tasks.__aexit__(None, None, None)

    def expect(self, container_id: str) -> None:
        """An exec session with stdin and separate outputs is about to start in a container."""
        home = next((home for home in self._homes if os.path.isdir(os.path.join(home, CRI_STATE))), None)
        if home is None or self._tasks is None:
            return
        known = set(_sessions(home, container_id))
        self._tasks.spawn(self._keep(home, container_id, known), f"exec streams of {container_id[:12]}")

    async def _keep(self, home: str, container_id: str, known: set[Session]) -> None:
        with ExitStack() as held:
            session = await self._find(home, container_id, known, held)
            if session is None:
                return
            try:
                pid = await self._pid(home, container_id, session)
                if pid:
                    await _wait_ended(pid)
                held.close()
                await _drain(session.pipe("stdin"))
            except OSError as error:
                log.debug("the streams of exec %s are gone: %s", session.exec_id, error)
            finally:
                self._claimed.discard(session)

    async def _find(
        self, home: str, container_id: str, known: set[Session], held: ExitStack
    ) -> Session | None:
        """Find the new session's pipes and open its outputs; None when there is none in time."""
        deadline = self._clock.monotonic() + FIND_SECONDS
        while self._clock.monotonic() < deadline:
            for session in _sessions(home, container_id):
                if session not in known and session not in self._claimed and _hold(session, held):
                    self._claimed.add(session)
                    return session
            await self._clock.sleep(LOOK_EVERY)
        return None

    async def _pid(self, home: str, container_id: str, session: Session) -> int:
        """The process's id once it has started; 0 when it never did."""
        path = os.path.join(home, TASK_STATE, container_id, f"{session.exec_id}.pid")
        while os.path.exists(session.directory):
            with suppress(FileNotFoundError, ValueError), open(path) as file:  # noqa: ASYNC230 - a few bytes in memory
                return int(file.read())
            await self._clock.sleep(LOOK_EVERY)
        return 0


def _sessions(home: str, container_id: str) -> Iterator[Session]:
    """The exec sessions of a container that have stdin and a stderr of their own."""
    top = os.path.join(home, CRI_STATE, "containers", container_id, "io")
    with suppress(OSError):
        for entry in os.listdir(top):
            directory = os.path.join(top, entry)
            names = set(os.listdir(directory))
            for name in names:
                exec_id = name.removesuffix("-stdin")
                if exec_id not in (name, container_id) and f"{exec_id}-stderr" in names:
                    yield Session(directory, exec_id)


def _hold(session: Session, held: ExitStack) -> bool:
    """Open both outputs for writing; False while containerd does not read them yet."""
    with ExitStack() as opened:
        for stream in ("stdout", "stderr"):
            try:
                descriptor = os.open(session.pipe(stream), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:
                return False
            opened.callback(os.close, descriptor)
        held.push(opened.pop_all())
    return True


async def _wait_ended(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        await _readable(descriptor)
    finally:
        os.close(descriptor)


async def _drain(path: str) -> None:
    """Take what containerd still writes to the ended process, until it stops."""
    with _opened(path) as descriptor:
        while True:
            try:
                if not os.read(descriptor, DRAIN_BYTES):
                    return
            except BlockingIOError:
                await _readable(descriptor)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
