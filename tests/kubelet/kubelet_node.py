"""A throw-away node for tests: a network namespace with its own containerd, CNI bridge and two tiny images.

The calling thread moves into the network namespace while the node lives, so that everything a test starts
(containerd, probes, clients) sees the pods' network, and the machine's own network is never touched.
"""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from steersman.kubelet.cri.client import Runtime

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
PAUSE_IMAGE = "localhost/steersman/pause:test"
BUSYBOX_IMAGE = "localhost/steersman/busybox:test"
ONE_LOOP = pytest.mark.asyncio(loop_scope="session")
"""gRPC's asyncio side serves one event loop a process: with a loop a test, answers get lost now and then."""
NEEDED = ("containerd", "ctr", "runc", "catatonit", "ip")


def missing_parts() -> str:
    """What this machine lacks for a node; "" when nothing."""
    if os.geteuid() != 0:
        return "needs root"
    lacking = [program for program in NEEDED if shutil.which(program) is None]
    if not os.path.exists("/bin/busybox"):
        lacking.append("busybox")
    if not os.path.isdir("/usr/lib/cni"):
        lacking.append("CNI plug-ins")
    return f"needs {', '.join(lacking)}" if lacking else ""


@dataclass(slots=True)
class Node:
    directory: Path
    socket: str
    cgroup_root: str
    containerd: subprocess.Popen[bytes]


@contextmanager
def running_node() -> Iterator[Node]:
    """Start a node; everything of it is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="kubelet-"))
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot make a network namespace")
    node = None
    cgroup_root = f"/steersman-test/{directory.name}"
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        write_configuration(directory)
        socket = str(directory / "containerd.sock")
        node = Node(directory, socket, cgroup_root, start_containerd(directory))
        wait_for_socket(node.containerd, socket, directory)
        load_images(directory, socket)
        yield node
    finally:
        if node is not None:
            stop(node.containerd, directory)
        libc.setns(home, CLONE_NEWNET)
        os.close(home)
        remove(directory, cgroup_root)


def restart_containerd(node: Node) -> None:
    """Kill containerd, as a crash would, and start it anew; containers go on."""
    node.containerd.kill()
    node.containerd.wait()
    node.containerd = start_containerd(node.directory)


def write_configuration(directory: Path) -> None:
    (directory / "net.d").mkdir()
    (directory / "net.d" / "10-bridge.conflist").write_text(json.dumps(network(directory)))
    (directory / "config.toml").write_text(containerd_config(directory))


def start_containerd(directory: Path) -> subprocess.Popen[bytes]:
    with open(directory / "containerd.log", "ab") as log:
        command = ["containerd", "-c", str(directory / "config.toml")]
        return subprocess.Popen(command, stdout=log, stderr=log)


def network(directory: Path) -> dict[str, object]:
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": "10.88.0.0/24"}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(directory / "ipam"),
        },
    }
    return {
        "cniVersion": "0.4.0",
        "name": "test",
        "plugins": [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}],
    }


def containerd_config(directory: Path) -> str:
    return f"""
version = 2
root = "{directory}/root"
state = "{directory}/state"
[grpc]
  address = "{directory}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{directory}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{directory}/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def wait_for_socket(containerd: subprocess.Popen[bytes], socket: str, directory: Path) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and containerd.poll() is None:
        if ctr(socket, "version", check=False).returncode == 0:
            return
        time.sleep(0.05)
    raise RuntimeError(f"containerd did not start: {(directory / 'containerd.log').read_text()[-2000:]}")


def ctr(socket: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ctr", "-a", socket, "-n", "k8s.io", *arguments], check=check, capture_output=True)


def load_images(directory: Path, socket: str) -> None:
    pause = image_archive(
        PAUSE_IMAGE, {"catatonit": shutil.which("catatonit") or ""}, ["/catatonit", "-P"], []
    )
    busybox = image_archive(BUSYBOX_IMAGE, {"bin/busybox": "/bin/busybox"}, ["/bin/sh"], applets())
    for name, archive in (("pause.tar", pause), ("busybox.tar", busybox)):
        (directory / name).write_bytes(archive)
        ctr(socket, "images", "import", str(directory / name))


def applets() -> list[str]:
    listed = subprocess.run(["/bin/busybox", "--list"], check=True, capture_output=True, text=True)
    return [name for name in listed.stdout.split() if name != "busybox"]


def image_archive(name: str, files: dict[str, str], entry: list[str], links: list[str]) -> bytes:
    """A docker-archive with one layer: `files` (path inside to path here) and busybox applets as links."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for folder in ("bin", "etc", "tmp", "root", "var"):
            tar.addfile(_directory(folder))
        for inside, here in files.items():
            tar.add(os.path.realpath(here), arcname=inside)
        for link in links:
            info = tarfile.TarInfo(f"bin/{link}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(info)
        _text(tar, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
        _text(tar, "etc/group", "root:x:0:\nnobody:x:65534:\n")
    content = layer.getvalue()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint" if links == [] else "Cmd": entry, "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(content).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        _text(tar, "manifest.json", json.dumps(manifest))
        _text(tar, "config.json", json.dumps(config))
        _bytes(tar, "layer.tar", content)
    return archive.getvalue()


def _directory(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
    return info


def _text(tar: tarfile.TarFile, name: str, text: str) -> None:
    _bytes(tar, name, text.encode())


def _bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o644
    tar.addfile(info, io.BytesIO(content))


def stop(containerd: subprocess.Popen[bytes], directory: Path) -> None:
    """End every container and containerd itself."""
    socket = str(directory / "containerd.sock")
    asyncio.run(remove_sandboxes(socket))
    listed = ctr(socket, "tasks", "ls", "-q", check=False).stdout.decode().split()
    for task in listed:
        ctr(socket, "tasks", "kill", "-s", "SIGKILL", "-a", task, check=False)
    for task in listed:
        ctr(socket, "tasks", "delete", "-f", task, check=False)
    containerd.send_signal(signal.SIGTERM)
    containerd.wait(timeout=10)
    for pid in shims(socket):
        os.kill(pid, signal.SIGKILL)


async def remove_sandboxes(socket: str) -> None:
    """Take every pod down through the runtime, so that its network namespace goes too."""
    async with Runtime(socket) as runtime:
        for sandbox in await runtime.list_sandboxes():
            await runtime.stop_sandbox(sandbox.id)
            await runtime.remove_sandbox(sandbox.id)


def shims(socket: str) -> list[int]:
    """The shim processes that serve this containerd, by its address in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"containerd-shim" in words[0] and socket.encode() in words:
                found.append(int(entry.name))
    return found


def remove(directory: Path, cgroup_root: str) -> None:
    points = [line.split(" ")[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in sorted((p for p in points if p.startswith(str(directory))), key=len, reverse=True):
        subprocess.run(["umount", "-l", point], check=False)
    shutil.rmtree(directory, ignore_errors=True)
    for base in Path("/sys/fs/cgroup").glob(f"*{cgroup_root}"):
        for path in sorted(base.rglob("*/"), key=lambda p: len(p.parts), reverse=True):
            if path.is_dir():
                path.rmdir()
        base.rmdir()
        if not any(entry.is_dir() for entry in base.parent.iterdir()):
            base.parent.rmdir()
