"""The clients people use, each a small real program in a process of its own, against one server over TLS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.fixtures.process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = Path(__file__).with_name("programs")
JAVASCRIPT_CLIENT = "@kubernetes/client-node@1.4.0"
"""The last line of versions that runs on Node 18 to 22, which distributions ship."""
PROGRAM_SECONDS = 60
INSTALL_SECONDS = 180
pytestmark = [pytest.mark.slow, pytest.mark.timeout(PROGRAM_SECONDS + INSTALL_SECONDS)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("clients") / "server") as server:
        yield server


@pytest.fixture(scope="module")
def javascript_modules(pytestconfig: pytest.Config) -> Path:
    """The directory that holds the JavaScript client; it is kept for the next time."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("npm and node are not installed")
    assert pytestconfig.cache is not None
    directory = pytestconfig.cache.mkdir("clients-" + JAVASCRIPT_CLIENT.rpartition("@")[2])
    if not (directory / "complete").exists():
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(directory), JAVASCRIPT_CLIENT]
        try:
            installed = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm could not install {JAVASCRIPT_CLIENT} within {INSTALL_SECONDS} s")
        assert installed.returncode == 0, installed.stderr
        (directory / "complete").touch()
    return directory


def run(server: ServerProcess, command: list[str]) -> None:
    """Run a program to its end; its last line is `done` when all it asserts held."""
    environment = {**os.environ, "KUBECONFIG": server.kubeconfig}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_SECONDS, env=environment)
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert ended.stdout.splitlines()[-1] == "done"
    assert not [line for line in server.log.splitlines() if line.startswith("E ")]


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("official_python", id="the official Python client"),
        pytest.param("asyncio_python", id="kubernetes-asyncio"),
        pytest.param("lightkube_program", id="lightkube"),
        pytest.param("kr8s_program", id="kr8s"),
        pytest.param("kopf_program", id="an operator on kopf"),
    ],
)
def test_a_python_client_does_its_work(server: ServerProcess, program: str) -> None:
    run(server, [sys.executable, str(PROGRAMS / f"{program}.py"), server.kubeconfig])


def test_the_official_javascript_client_does_its_work(
    server: ServerProcess, javascript_modules: Path
) -> None:
    program = str(PROGRAMS / "javascript.mjs")
    run(server, ["node", program, server.kubeconfig, str(javascript_modules)])
