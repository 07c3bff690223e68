"""An API server of its own for a measurement, and what can be seen of it from outside."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import stages
from steersman.bootstrap.local import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator

TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A running API server: durable SQLite store, TLS, RBAC, administrator's bearer token."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, directory: Path) -> None:
        self.process, self.port = process, port
        self.url = f"https://127.0.0.1:{port}"
        self.start_seconds = 0.0
        self.token = ""
        self._directory = directory

    def wait_ready(self, begun: float) -> None:
        """Wait for /readyz and note how long that took since `begun`, a monotonic time."""
        while not stages.ready(self.port):
            if self.process.poll() is not None or time.monotonic() - begun > 30:
                raise SystemExit(f"the API server did not start:\n{(self._directory / 'log').read_text()}")
            time.sleep(0.005)
        self.start_seconds = time.monotonic() - begun
        self.token = (self._directory / "d/admin.token").read_text().strip()

    def rss(self) -> float:
        """Resident memory in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def cpu(self) -> float:
        """Processor seconds used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request. Raises: SystemExit when it is refused."""
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=context)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {data[:300]!r}")
        return json.loads(data)

    def make_namespace(self, name: str) -> None:
        """Make a namespace in which pods can be created at once."""
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        account = {"metadata": {"name": "default"}}
        self.call("POST", f"/api/v1/namespaces/{name}/serviceaccounts", account)


@contextmanager
def running() -> Iterator[Server]:
    """Start an API server with a new store; it and its data are gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="steersman-bench-"))
    port = next(p for p in range(26443, 27443) if addresses.port_is_free(p))
    command = [sys.executable, "-m", "steersman", "apiserver", "--port", str(port)]
    begun = time.monotonic()
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--data-dir", str(directory / "d")], stdout=log, stderr=subprocess.STDOUT
        )
    server = Server(process, port, directory)
    try:
        server.wait_ready(begun)
        yield server
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(directory)
