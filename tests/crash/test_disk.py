"""A whole server on a disk that fails: a clear answer, a named check, and on it goes when the disk does."""

from __future__ import annotations

import os
import random
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.fixtures.process import ServerProcess

from steersman.api import kinds
from steersman.api.errors import ApiError, ServiceUnavailable
from steersman.client.rest import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]
DISK_MEBIBYTES = 24
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, that can be filled and made read-only."""
    directory = tmp_path / "disk"
    directory.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEBIBYTES}m", "steersman-test", str(directory)],
        check=True,
    )
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def fill(ballast: Path) -> None:
    """Take all the room there is."""
    room = os.statvfs(ballast.parent)
    with ballast.open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize)


async def create_until_refused(client: Client, acknowledged: set[str]) -> ApiError:
    """Create objects until one is refused, which is returned."""
    for i in range(100):
        name = f"n{len(acknowledged)}-{i}"
        try:
            await client.create(
                kinds.CONFIG_MAPS, {"metadata": {"name": name}, "data": {"x": "." * 20_000}}, "default"
            )
        except ApiError as error:
            return error
        acknowledged.add(name)
    raise AssertionError("the full disk took everything")


async def names(client: Client) -> set[str]:
    listed = await client.list(kinds.CONFIG_MAPS, "default")
    return {item["metadata"]["name"] for item in listed["items"]}


@pytest.mark.root
@needs_root
async def test_a_full_disk_refuses_writes_answers_reads_and_recovers(small_disk: Path) -> None:
    acknowledged: set[str] = set()
    with ServerProcess(small_disk / "server", log_file=small_disk.parent / "server.log") as server:
        ballast = small_disk / "ballast"
        async with Client.from_kubeconfig(server.kubeconfig) as client:
            for _ in range(3):
                fill(ballast)
                error = await create_until_refused(client, acknowledged)
                assert isinstance(error, ServiceUnavailable)
                assert "is full: make room" in error.message
                assert await names(client) == acknowledged
                status, text = server.health("readyz")
                assert status == 500
                assert "[-]etcd-readiness failed" in text
                assert "full" in text
                assert server.health("livez") == (200, "ok")
                ballast.unlink()
                assert server.health("readyz") == (200, "ok")
                name = f"after{len(acknowledged)}"
                await client.create(kinds.CONFIG_MAPS, {"metadata": {"name": name}}, "default")
                acknowledged.add(name)
        server.kill()
        server.start()
        server.wait_ready()
        async with Client.from_kubeconfig(server.kubeconfig) as client:
            assert await names(client) == acknowledged


@pytest.mark.root
@needs_root
def test_a_read_only_disk_is_named_at_the_start_and_used_once_it_is_writable(small_disk: Path) -> None:
    with ServerProcess(small_disk / "server", log_file=small_disk.parent / "server.log") as server:
        server.kill()
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        server.start()
        assert server.wait_exit() != 0
        assert "state.db cannot be written" in server.log
        assert "Traceback" not in server.log
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
        server.start()
        server.wait_ready()


async def test_a_damaged_page_under_a_running_server_costs_nothing_acknowledged(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "server") as server:
        async with Client.from_kubeconfig(server.kubeconfig) as client:
            for i in range(40):
                obj = {"metadata": {"name": f"n{i}"}, "data": {"x": "." * 60_000}}
                made = await client.create(kinds.CONFIG_MAPS, obj, "default")
            past = {
                "resourceVersion": made["metadata"]["resourceVersion"],
                "resourceVersionMatch": "Exact",
            }
            await client.delete(kinds.CONFIG_MAPS, "n0", "default")
            server.stop()  # folds the write-ahead log into the file
            server.start()
            server.wait_ready()
        damage(server.directory / "state.db")
        async with Client.from_kubeconfig(server.kubeconfig) as client:
            assert await names(client) == {f"n{i}" for i in range(1, 40)}
            answer = await client.request("GET", kinds.CONFIG_MAPS.path("default"), query=past)
            assert (answer.status, answer.json()["reason"]) == (503, "ServiceUnavailable")
            assert "is damaged: restore a snapshot" in answer.json()["message"]
            assert server.exited() is None
        server.kill()
        server.start()
        assert server.wait_exit() != 0
        assert "is damaged: restore a snapshot" in server.log
        assert "Traceback" not in server.log


def damage(path: Path) -> None:
    """Write nonsense over pages in the middle of a file."""
    chance = random.Random(1)
    size = path.stat().st_size
    with path.open("r+b") as file:
        for page in range(size // 4096 // 4, size // 4096, 7):
            file.seek(page * 4096)
            file.write(chance.randbytes(4096))
