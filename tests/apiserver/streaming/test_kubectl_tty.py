"""Terminals: `kubectl exec -it` from a real pseudo-terminal, with its size and a change of it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import shutil
import signal
import struct
import subprocess
import termios
from typing import TYPE_CHECKING

import pytest
from tests.apiserver.streaming.kubectl_world import world

if TYPE_CHECKING:
    from tests.kubelet.kubelet_node import Node

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.timeout(60),
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl"),
]

SPDY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false"}


def set_size(terminal: int, rows: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


async def read_until(terminal: int, wanted: bytes) -> bytes:
    """What the terminal shows until `wanted` is there."""
    seen = b""
    async with asyncio.timeout(15):
        while wanted not in seen:
            seen += await asyncio.to_thread(os.read, terminal, 4096)
    return seen


@pytest.mark.parametrize("environment", [{}, SPDY], ids=["over WebSocket", "over SPDY"])
async def test_a_terminal_has_the_size_of_ours(node: Node, environment: dict[str, str]) -> None:
    async with world(node) as running:
        name = f"tty{len(environment)}"
        await running.start_pod(name, "sleep 1000")
        ours, theirs = pty.openpty()
        set_size(ours, 33, 77)
        process = await asyncio.create_subprocess_exec(
            "kubectl",
            *("exec", "-it", name, "--", "sh"),
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.STDOUT,
            env=running.environment(**environment),
            start_new_session=True,
        )
        os.close(theirs)
        try:
            await read_until(ours, b"# ")
            os.write(ours, b"tty; stty size; echo do''ne\n")
            seen = await read_until(ours, b"done\r\n")
            assert b"/dev/pts/0" in seen
            assert b"33 77" in seen
            set_size(ours, 40, 100)
            process.send_signal(signal.SIGWINCH)
            os.write(ours, b"sleep 1; stty size; echo ag''ain\n")
            assert b"40 100" in await read_until(ours, b"again\r\n")
            os.write(ours, b"exit 5\n")
            assert await asyncio.wait_for(process.wait(), 10) == 5
        finally:
            if process.returncode is None:
                process.kill()
            os.close(ours)
