"""Running the small programs that change the machine (`ip`, `nft`, `ctr`), one after the other."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

from steersman.bootstrap.errors import BootstrapError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMAND_SECONDS = 60.0


def run(argv: Sequence[str], stdin: str = "") -> str:
    """Run a program to its end; its standard output. Raises: BootstrapError with what it said."""
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=COMMAND_SECONDS)
    except FileNotFoundError as error:
        raise BootstrapError(f"{argv[0]} is not installed", "steersman preflight --install") from error
    except subprocess.TimeoutExpired as error:
        raise BootstrapError(f"{shlex.join(argv)} still ran after {COMMAND_SECONDS:g} s") from error
    if done.returncode:
        raise BootstrapError(f"{shlex.join(argv)}: {done.stderr.strip() or f'status {done.returncode}'}")
    return done.stdout


def succeeds(argv: Sequence[str]) -> bool:
    """Whether a program ends with status 0."""
    return subprocess.run(argv, capture_output=True, timeout=COMMAND_SECONDS).returncode == 0


def ip_json(*arguments: str) -> list[dict[str, Any]]:
    """What `ip -j ...` prints; empty objects (of older versions) left out."""
    return [entry for entry in json.loads(run(["ip", "-j", *arguments]) or "[]") if entry]
