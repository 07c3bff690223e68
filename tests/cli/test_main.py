"""The command line: what it offers, what it refuses, what it does not load."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from steersman.bootstrap.errors import BootstrapError
from steersman.cli.main import COMMANDS, steersman
from steersman.cli.options import Duration


def test_help_lists_every_command() -> None:
    text = CliRunner().invoke(steersman, ["--help"]).output
    assert [entry.name for entry in COMMANDS if f"  {entry.name} " not in text] == []


@pytest.mark.parametrize("name", [entry.name for entry in COMMANDS])
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(steersman, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Usage: ")


@pytest.mark.slow
def test_help_loads_no_server() -> None:
    program = (
        "import sys; from steersman.cli.main import steersman\n"
        "steersman(['--help'], standalone_mode=False)\n"
        "heavy = {'aiohttp', 'grpc', 'numpy', 'cryptography', 'asyncio'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        pytest.param(["up", "--nodes", "0"], "0 is not in the range", id="no nodes"),
        pytest.param(["up", "--port", "70000"], "70000 is not in the range", id="a port beyond ports"),
        pytest.param(["up", "--store", "floppy"], "'floppy' is not", id="an unknown store"),
        pytest.param(["up", "--wait", "soon"], "'soon' is no duration", id="a duration that is none"),
        pytest.param(["load", "/does/not/exist.tar"], "does not exist", id="a missing archive"),
        pytest.param(["apiserver"], "Missing option '--data-dir'", id="an API server without a place"),
        pytest.param(["frobnicate"], "No such command", id="an unknown command"),
    ],
)
def test_bad_usage_is_named(argv: list[str], said: str) -> None:
    result = CliRunner().invoke(steersman, argv)
    assert result.exit_code == 2
    assert said in result.output


def test_an_unknown_cluster_is_a_plain_message() -> None:
    result = CliRunner().invoke(steersman, ["kubeconfig", "--name", "no-such-cluster"])
    assert isinstance(result.exception, BootstrapError)
    assert "there is no cluster no-such-cluster" in str(result.exception)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("90s", 90.0), ("1m30s", 90.0), ("500ms", 0.5), ("1h", 3600.0), ("1.5m", 90.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds
