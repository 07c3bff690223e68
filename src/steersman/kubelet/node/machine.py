"""Facts of this machine, read from the kernel (blocking, quick)."""

from __future__ import annotations

import os
import platform
import socket
from dataclasses import dataclass

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


@dataclass(frozen=True, slots=True)
class Machine:
    """What does not change while the machine runs."""

    cores: int
    memory: int
    """bytes"""
    machine_id: str
    system_uuid: str
    boot_id: str
    kernel: str
    os_image: str
    architecture: str


def read_machine() -> Machine:
    machine_id = _text("/etc/machine-id")
    return Machine(
        cores=os.cpu_count() or 1,
        memory=memory_info()["MemTotal"],
        machine_id=machine_id,
        system_uuid=_text("/sys/class/dmi/id/product_uuid") or machine_id,
        boot_id=_text("/proc/sys/kernel/random/boot_id"),
        kernel=platform.release(),
        os_image=_os_image(),
        architecture=ARCHITECTURES.get(platform.machine(), platform.machine()),
    )


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _os_image() -> str:
    for line in _text("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return "Linux"


def memory_info() -> dict[str, int]:
    """/proc/meminfo in bytes."""
    found = {}
    for line in _text("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        found[name] = int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    return found


def disk(path: str) -> tuple[int, int, int, int]:
    """Of the file system that holds `path`: bytes in all, bytes available, inodes in all, inodes free."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    facts = os.statvfs(path)
    return facts.f_blocks * facts.f_frsize, facts.f_bavail * facts.f_frsize, facts.f_files, facts.f_favail


def default_address() -> str:
    """The address this machine would use to reach others; "127.0.0.1" without a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a documentation address: nothing is sent
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
