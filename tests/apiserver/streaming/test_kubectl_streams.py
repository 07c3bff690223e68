"""kubectl's streaming commands against the API server, the kubelet's server and a real containerd."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.apiserver.streaming.kubectl_world import world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.apiserver.streaming.kubectl_world import World
    from tests.kubelet.kubelet_node import Node

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl"),
]

SPDY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}
BOTH = pytest.mark.parametrize("environment", [{}, SPDY], ids=["over WebSocket", "over SPDY"])


@BOTH
async def test_exec(node: Node, environment: dict[str, str], tmp_path: Path) -> None:
    async with world(node) as running:
        name = f"exec{len(environment)}"
        await running.start_pod(name, "echo started; sleep 1000")
        await _output_and_exit_code(running, name, environment)
        await _half_close(running, name, environment)
        await _copies(running, name, environment, tmp_path)
        await _refusals(running, name, environment)


async def _output_and_exit_code(running: World, name: str, environment: dict[str, str]) -> None:
    code, out, err = await running.kubectl(
        "exec", name, "--", "sh", "-c", "echo out; echo err >&2; exit 7", environment=environment
    )
    assert (code, out) == (7, b"out\n")
    assert err.splitlines() == ["err", "command terminated with exit code 7"]
    code, out, _ = await running.kubectl("exec", name, "--", "true", environment=environment)
    assert (code, out) == (0, b"")


async def _half_close(running: World, name: str, environment: dict[str, str]) -> None:
    data = os.urandom(3_000_000)
    # The shell becomes cat, which closes the session's stdout at once: containerd would cut stdin off then.
    code, _, err = await running.kubectl(
        "exec", "-i", name, "--", "sh", "-c", "cat > /tmp/f", stdin=data, environment=environment
    )
    assert code == 0, err
    code, out, err = await running.kubectl("exec", name, "--", "cat", "/tmp/f", environment=environment)
    assert (code, len(out)) == (0, len(data)), err
    assert out == data
    code, out, _ = await running.kubectl(
        "exec", "-i", name, "--", "cat", stdin=b"round trip", environment=environment
    )
    assert (code, out) == (0, b"round trip")
    code, out, _ = await running.kubectl(
        "exec", "-i", name, "--", "echo", "unread", stdin=data, environment=environment
    )
    assert (code, out) == (0, b"unread\n")
    code, _, _ = await running.kubectl(
        "exec", "-i", name, "--", "no-such-program", stdin=data, environment=environment
    )
    assert code != 0


async def _copies(running: World, name: str, environment: dict[str, str], tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(os.urandom(20_000_000))
    code, _, err = await running.kubectl("cp", str(big), f"{name}:/tmp/big", environment=environment)
    assert code == 0, err
    code, _, err = await running.kubectl(
        "cp", f"{name}:/tmp/big", str(tmp_path / "back"), environment=environment
    )
    assert code == 0, err
    assert (tmp_path / "back").read_bytes() == big.read_bytes()


async def _refusals(running: World, name: str, environment: dict[str, str]) -> None:
    code, _, err = await running.kubectl("exec", name, "-c", "other", "--", "true", environment=environment)
    assert code == 1
    assert "container other is not valid for pod" in err
    code, _, err = await running.kubectl("exec", "nosuchpod", "--", "true", environment=environment)
    assert (code, err) == (1, 'Error from server (NotFound): pods "nosuchpod" not found\n')
    code, _, err = await running.kubectl("exec", name, "--", "no-such-program", environment=environment)
    assert code != 0
    assert "no-such-program" in err


@BOTH
async def test_attach_ends_with_the_container(node: Node, environment: dict[str, str]) -> None:
    async with world(node) as running:
        name = f"attach{len(environment)}"
        await running.start_pod(name, "read line; echo got $line; exit 0", stdin=True, stdinOnce=True)
        code, out, err = await running.kubectl(
            "attach", "-i", name, stdin=b"hello\n", environment=environment
        )
        assert (code, out) == (0, b"got hello\n"), err


@BOTH
async def test_port_forward_carries_parallel_connections(node: Node, environment: dict[str, str]) -> None:
    async with world(node) as running:
        name = f"forward{len(environment)}"
        await running.start_pod(
            name, "mkdir /tmp/w; yes 12345678 | head -c 300000 > /tmp/w/f; httpd -f -p 8080 -h /tmp/w"
        )
        process = await asyncio.create_subprocess_exec(
            "kubectl",
            "port-forward",
            name,
            ":8080",
            stdout=asyncio.subprocess.PIPE,
            env=running.environment(**environment),
        )
        try:
            assert process.stdout is not None
            line = (await asyncio.wait_for(process.stdout.readline(), 10)).decode()
            port = int(line.split("127.0.0.1:")[1].split(" ")[0])
            bodies = await asyncio.gather(*(_fetch(port) for _ in range(20)))
            assert {len(body) for body in bodies} == {300000}
        finally:
            process.terminate()
            await process.wait()


async def _fetch(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /f HTTP/1.0\r\n\r\n")
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2]


async def test_logs(node: Node) -> None:
    async with world(node) as running:
        await running.start_pod("logs", "for i in 1 2 3; do echo line $i; done; sleep 2; echo last")
        code, out, err = await running.kubectl("logs", "-f", "logs")
        assert (code, out) == (0, b"line 1\nline 2\nline 3\nlast\n"), err
        _, out, _ = await running.kubectl("logs", "logs", "--tail=2")
        assert out == b"line 3\nlast\n"
        _, out, _ = await running.kubectl("logs", "logs", "--limit-bytes=5")
        assert out == b"line "
        code, _, err = await running.kubectl("logs", "--previous", "logs")
        assert code == 1
        assert 'previous terminated container "c" in pod "logs" not found' in err


async def test_proxy_reaches_pods_and_nodes(node: Node) -> None:
    async with world(node) as running:
        await running.start_pod("web", "mkdir /tmp/w; echo hello > /tmp/w/i; httpd -f -p 8080 -h /tmp/w")
        for _ in range(50):
            code, out, err = await running.kubectl(
                "get", "--raw", "/api/v1/namespaces/default/pods/web:8080/proxy/i"
            )
            if code == 0:
                break
        assert (code, out) == (0, b"hello\n"), err
        code, out, err = await running.kubectl("get", "--raw", "/api/v1/nodes/n1/proxy/healthz")
        assert (code, out) == (0, b"ok"), err
        code, out, err = await running.kubectl("get", "--raw", "/api/v1/nodes/n1/proxy/metrics/resource")
        assert b"node_cpu_usage_seconds_total 5e-09" in out, err
