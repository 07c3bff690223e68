"""Throw-away network namespaces for tests against the real kernel: a node that routes between two pods and a
stranger."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def sh(*argv: str, stdin: str = "") -> str:
    done = subprocess.run(argv, input=stdin, text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr}")
    return done.stdout


def inside(namespace: str, fn: Callable[[], T]) -> T:
    """Call `fn` in a thread that lives in the namespace; sockets and processes it makes stay there."""

    def body() -> T:
        fd = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        try:
            if _libc.setns(fd, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(fd)
        return fn()

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(body).result()


class Machine:
    """`node` between pod `a` (10.244.1.2), pod `b` (10.244.2.2) and `out` (192.0.2.9), a stranger."""

    LEGS: tuple[tuple[str, str, str], ...] = (
        ("a", "10.244.1", "10.244.1.2"),
        ("b", "10.244.2", "10.244.2.2"),
        ("out", "192.0.2", "192.0.2.9"),
    )

    def __init__(self) -> None:
        self.tag = f"smt{os.getpid() % 10000}"

    def ns(self, who: str) -> str:
        return f"{self.tag}-{who}"

    def up(self) -> None:
        sh("ip", "netns", "add", self.ns("node"))
        sh("ip", "-n", self.ns("node"), "link", "set", "lo", "up")
        self.node("sysctl", "-qw", "net.ipv4.ip_forward=1")
        for who, net, address in self.LEGS:
            self.leg(who, net, address)
        sh("ip", "-n", self.ns("node"), "route", "add", "10.96.0.0/12", "dev", "lo")

    def leg(self, who: str, net: str, address: str) -> None:
        here, there, link = self.ns("node"), self.ns(who), f"to-{who}"
        sh("ip", "netns", "add", there)
        sh("ip", "-n", here, "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", there)
        sh("ip", "-n", here, "addr", "add", f"{net}.1/24", "dev", link)
        sh("ip", "-n", here, "link", "set", link, "up")
        sh("ip", "-n", there, "addr", "add", f"{address}/24", "dev", "eth0")
        sh("ip", "-n", there, "link", "set", "eth0", "up")
        sh("ip", "-n", there, "link", "set", "lo", "up")
        sh("ip", "-n", there, "route", "add", "default", "via", f"{net}.1")

    def down(self) -> None:
        for who in ("node", *(leg[0] for leg in self.LEGS)):
            with contextlib.suppress(RuntimeError):
                sh("ip", "netns", "del", self.ns(who))

    def node(self, *argv: str, stdin: str = "") -> str:
        return sh("ip", "netns", "exec", self.ns("node"), *argv, stdin=stdin)

    def nft(self, text: str) -> None:
        self.node("nft", "-f", "-", stdin=text)

    @contextlib.contextmanager
    def serving(self, who: str, port: int, name: bytes) -> Iterator[None]:
        """A TCP server in `who` that answers every connection with its name and the peer's address."""
        listener = inside(self.ns(who), lambda: socket.create_server(("0.0.0.0", port)))

        def serve() -> None:
            while True:
                try:
                    connection, peer = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(name + b" " + peer[0].encode())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join(2)

    def ask(self, who: str, address: str, port: int) -> str:
        """What a connection from `who` reads; raises what `connect` raises."""

        def talk() -> str:
            with socket.create_connection((address, port), timeout=3) as connection:
                return connection.recv(100).decode()

        return inside(self.ns(who), talk)


def usable() -> bool:
    return os.geteuid() == 0 and Path("/usr/sbin/nft").exists()
