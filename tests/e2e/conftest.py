"""One real cluster for all end-to-end tests, and kubectl to drive it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
STEERSMAN = (sys.executable, "-m", "steersman")
IMAGE = "steersman.local/demo:1.0"
TEST_SECONDS = 120
"""Real containers take their time on a busy machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything below this directory."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.root)
            item.add_marker(pytest.mark.e2e)
            if not any(item.iter_markers("timeout")):
                item.add_marker(pytest.mark.timeout(TEST_SECONDS))


@dataclass(frozen=True)
class Kubectl:
    """kubectl as a function: `kubectl("get", "pods")` gives what it printed."""

    kubeconfig: str
    namespace: str = "default"

    def run(self, *arguments: str, stdin: str = "", timeout: float = 90) -> subprocess.CompletedProcess[str]:
        """Run to the end, whatever comes of it."""
        argv = ["kubectl", "--kubeconfig", self.kubeconfig, "--namespace", self.namespace, *arguments]
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout)

    def __call__(self, *arguments: str, stdin: str = "", timeout: float = 90) -> str:
        """Run; what it printed. A failure is the test's."""
        done = self.run(*arguments, stdin=stdin, timeout=timeout)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def fails(self, *arguments: str, stdin: str = "") -> str:
        """Run what must fail; what it said."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode != 0, f"kubectl {' '.join(arguments)} succeeded: {done.stdout}"
        return done.stderr

    def json(self, *arguments: str) -> Any:
        """Run with `-o json`."""
        return json.loads(self(*arguments, "-o", "json"))

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """Start something that goes on."""
        argv = ["kubectl", "--kubeconfig", self.kubeconfig, "--namespace", self.namespace, *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(argv, text=True, **{**pipes, **more})


def steersman(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would."""
    done = subprocess.run([*STEERSMAN, *arguments], capture_output=True, text=True, timeout=240)
    if check:
        assert done.returncode == 0, f"steersman {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done


def eventually(condition: Callable[[], Any], seconds: float = 60, what: str = "") -> Any:
    """Wait until a condition holds; what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        time.sleep(0.2)


def missing() -> str:
    """What keeps these tests from running here."""
    if os.geteuid() != 0:
        return "needs root"
    if shutil.which("kubectl") is None:
        return "needs kubectl"
    from steersman.bootstrap.local.preflight import missing_packages

    packages = missing_packages()
    return f"not installed: {' '.join(packages)}" if packages else ""


@dataclass(frozen=True)
class RunningCluster:
    """The cluster of this session."""

    name: str
    kubeconfig: str
    data_dir: Path
    summary: dict[str, Any]

    def process(self, name: str) -> dict[str, Any]:
        """What `steersman status` says of one process."""
        document = json.loads(steersman("status", "--name", self.name, "-o", "json", check=False).stdout)
        return next(p for p in document["processes"] if p["name"] == name)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    """A cluster of one node with the demo application."""
    if reason := missing():
        pytest.skip(reason)
    with running_cluster(f"e2e-{os.getpid()}", tmp_path_factory, "--demo") as running:
        yield running


@contextmanager
def running_cluster(name: str, paths: pytest.TempPathFactory, *options: str) -> Iterator[RunningCluster]:
    """A cluster of its own, brought up with options and taken down afterwards."""
    home = paths.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.delenv("KUBECONFIG", raising=False)
        directory = paths.mktemp("cluster") / "d"
        try:
            done = steersman("up", "--name", name, "--data-dir", str(directory), *options, "-o", "json")
            summary = json.loads(done.stdout)
            yield RunningCluster(name, summary["kubeconfig"], directory, summary)
        finally:
            steersman("down", "--name", name)


@pytest.fixture
def kubectl(cluster: RunningCluster, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """kubectl in a namespace of this test's own."""
    admin = Kubectl(cluster.kubeconfig)
    namespace = f"t-{uuid.uuid4().hex[:8]}"
    admin("create", "namespace", namespace)
    eventually(lambda: admin.run("-n", namespace, "get", "sa", "default").returncode == 0, 20)
    yield Kubectl(cluster.kubeconfig, namespace)
    admin("delete", "namespace", namespace, "--wait=false")


@pytest.fixture
def web(kubectl: Kubectl) -> Kubectl:
    """The same with a Deployment `web` of two replicas that are up."""
    kubectl("create", "deployment", "web", f"--image={IMAGE}", "--replicas=2")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    return kubectl


@pytest.fixture
def pod(kubectl: Kubectl) -> Kubectl:
    """The same with a pod `box` that waits for commands."""
    kubectl("run", "box", f"--image={IMAGE}", "--", "sh", "-c", "echo hello; sleep 100000")
    kubectl("wait", "--for=condition=Ready", "pod/box", "--timeout=60s")
    return kubectl
