"""From nothing to an application that answers: how long, how much memory, how much of a core when idle.

Starts a cluster of its own (named bench) and removes it again; needs root. Without root only the API
server is measured. The reference of each row is the budget it must keep on two cores.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from steersman.bootstrap.local import addresses

IDLE_SECONDS = 30.0
SETTLE_SECONDS = 15.0
"""What starting left to be done is not idling."""
STEERSMAN = (sys.executable, "-m", "steersman")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    name: str
    value: float
    unit: str
    budget: float
    """The reference; 0: none."""

    @property
    def kept(self) -> bool:
        """Whether the budget was kept."""
        return not self.budget or self.value <= self.budget


def main() -> bool:
    """Measure, print, and say whether every budget was kept."""
    rows = [Row("API server alone: start to /readyz", api_server_start(), "s", 1.0)]
    if os.geteuid() == 0:
        rows += cluster_rows()
    else:
        print("without root only the API server can be measured", file=sys.stderr)
    print(f"\n{'':<48} {'measured':>10} {'reference':>10}")
    for row in rows:
        reference = f"<= {row.budget:g}" if row.budget else ""
        mark = "" if row.kept else "  over"
        print(f"{row.name:<48} {row.value:>10.2f} {reference:>10} {row.unit}{mark}")
    return all(row.kept for row in rows)


def api_server_start() -> float:
    """Seconds from exec to a ready API server with a new SQLite store."""
    directory = Path(tempfile.mkdtemp(prefix="steersman-bench-"))
    port = next(p for p in range(26443, 27443) if addresses.port_is_free(p))
    log = (directory / "log").open("wb")
    begin = time.monotonic()
    process = subprocess.Popen(
        [*STEERSMAN, "apiserver", "--data-dir", str(directory / "d"), "--port", str(port)],
        stderr=log,
        stdout=log,
    )
    try:
        while not ready(port):
            if process.poll() is not None or time.monotonic() - begin > 30:
                raise SystemExit(f"the API server did not start:\n{(directory / 'log').read_text()}")
            time.sleep(0.01)
        return time.monotonic() - begin
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        log.close()
        shutil.rmtree(directory)


def ready(port: int) -> bool:
    """Whether /readyz is ok."""
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=2, context=context)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def cluster_rows() -> list[Row]:
    """A whole cluster with the demo application."""
    directory = Path(tempfile.mkdtemp(prefix="steersman-bench-"))
    try:
        command = [
            *STEERSMAN,
            "up",
            "--name",
            "bench",
            "--data-dir",
            str(directory / "d"),
            "--demo",
            "-o",
            "json",
        ]
        done = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        stages = {stage["name"]: stage["seconds"] for stage in done["stages"]}
        to_ready = sum(seconds for name, seconds in stages.items() if name not in {"kubeconfig", "demo"})
        rows = [
            Row("steersman up: to node Ready", to_ready, "s", 5.0),
            Row("steersman up: to the demo answering", done["seconds"], "s", 10.0),
        ]
        time.sleep(SETTLE_SECONDS)
        return rows + idle_rows()
    finally:
        subprocess.run([*STEERSMAN, "down", "--name", "bench"], check=True, stderr=subprocess.DEVNULL)
        shutil.rmtree(directory, ignore_errors=True)


def idle_rows() -> list[Row]:
    """Memory and processor time of the cluster's Python processes while nothing happens."""
    command = [*STEERSMAN, "status", "--name", "bench", "-o", "json"]
    status = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    python = [p for p in status["processes"] if not p["name"].endswith(("/init", "/containerd"))]
    before = {p["name"]: cpu_seconds(p["pid"]) for p in python}
    time.sleep(IDLE_SECONDS)
    used = {p["name"]: (cpu_seconds(p["pid"]) - before[p["name"]]) / IDLE_SECONDS * 100 for p in python}
    budgets = {"apiserver": 80.0, "controllers": 80.0, "node-1/agent": 85.0, "supervisor": 25.0}
    rows = [Row(f"resident: {p['name']}", p["rssMiB"], "MiB", budgets.get(p["name"], 0.0)) for p in python]
    rows.append(Row("resident: all Python processes", sum(p["rssMiB"] for p in python), "MiB", 300.0))
    rows += [Row(f"idle: {name}", percent, "% of a core", 0.0) for name, percent in used.items()]
    rows.append(Row("idle: all Python processes", sum(used.values()), "% of a core", 2.0))
    return rows


def cpu_seconds(pid: int) -> float:
    """Processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
