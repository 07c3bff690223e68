"""Real etcd members for tests: started on free ports in a directory, ended by their own process."""

from __future__ import annotations

import socket
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

START_SECONDS = 15.0


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@dataclass
class Etcd:
    """A cluster of `members` on the loopback; a context manager."""

    directory: Path
    members: int = 1
    _ports: list[int] = field(default_factory=list)
    _running: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def endpoints(self) -> list[str]:
        """Where clients go, a member an element."""
        return [f"http://127.0.0.1:{port}" for port in self._ports[: self.members]]

    def start(self, index: int) -> None:
        """Start one member, anew or again."""
        client, peers = self._ports[index], self._ports[self.members :]
        cluster = ",".join(f"m{i}=http://127.0.0.1:{port}" for i, port in enumerate(peers))
        command = ["etcd", "--name", f"m{index}", "--data-dir", str(self.directory / f"m{index}")]
        command += ["--listen-client-urls", f"http://127.0.0.1:{client}"]
        command += ["--advertise-client-urls", f"http://127.0.0.1:{client}"]
        command += ["--listen-peer-urls", f"http://127.0.0.1:{peers[index]}"]
        command += ["--initial-advertise-peer-urls", f"http://127.0.0.1:{peers[index]}"]
        command += ["--initial-cluster", cluster, "--logger", "zap", "--log-level", "error"]
        command += ["--heartbeat-interval", "50", "--election-timeout", "500"]
        with (self.directory / f"m{index}.log").open("ab") as log:
            self._running[index] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, index: int) -> None:
        """Kill one member as a power cut would."""
        process = self._running.pop(index)
        process.kill()
        process.wait()

    def _wait(self, index: int) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._ports[index]), 1).close()
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def __enter__(self) -> Self:
        self._ports = free_ports(2 * self.members)
        for index in range(self.members):
            self.start(index)
        for index in range(self.members):
            self._wait(index)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for index in tuple(self._running):
            self.kill(index)
