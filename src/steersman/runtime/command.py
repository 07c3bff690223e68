"""Run one external program (`ip`, `nft`, `conntrack`, ...) and hand back what it printed.

The effects of the network rooms are other programs' work; this is the one place that starts them, so that
every failure carries the command and what it said. Cancellation kills the child and waits for it.
"""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CommandFailed", "run_command"]


class CommandFailed(Exception):
    """A program could not be started, ran too long, or ended with another status than 0."""

    def __init__(self, argv: Sequence[str], status: int | None, stderr: str) -> None:
        self.argv = tuple(argv)
        self.status = status
        """Exit status; None when the program is missing or was stopped for running too long."""
        self.stderr = stderr.strip()
        super().__init__(f"{shlex.join(self.argv)}: {self.stderr or f'exit status {status}'}")


async def run_command(argv: Sequence[str], stdin: bytes = b"", timeout: float = 30.0) -> str:
    """Run `argv` to its end with `stdin` as its input; its standard output as text.

    Raises: CommandFailed. `timeout` is in seconds.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise CommandFailed(argv, None, f"cannot be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(timeout):
            out, err = await process.communicate(stdin or None)
    except TimeoutError as error:
        raise CommandFailed(argv, None, f"still running after {timeout:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise CommandFailed(argv, process.returncode, err.decode(errors="replace"))
    return out.decode(errors="replace")
