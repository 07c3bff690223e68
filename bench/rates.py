"""Requests a second and the server's processor time for each, by wrk: as many connections as asked for, one
thread, every request another name."""

from __future__ import annotations

import json
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

from bench.objects import config_map, pod

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.server import Server

NAME = "@name@"
"""Where the script puts the name of the object, or its counter."""
MERGE = ("PATCH", "application/merge-patch+json")
STRATEGIC = ("PATCH", "application/strategic-merge-patch+json")
POST = ("POST", "application/json")


def rates(server: Server, seconds: int, pods: int) -> Iterator[tuple[str, float]]:
    """Yield the name and rate of each workload, then `<name>/cpu` with the microseconds a request takes.

    There are `pods` in the namespace `full`.
    """
    made, full = "/api/v1/namespaces/made", "/api/v1/namespaces/full/pods"
    labels = {"metadata": {"labels": {"v": NAME}}}
    condition = {"type": "Ready", "status": "True", "message": NAME}
    status = {"status": {"phase": "Running", "conditions": [condition]}}
    one_of_all = f'string.format("{full}/p-%06d", (n * 7919) % {pods})'
    create_pod = script(server, POST, f'"{made}/pods"', pod(NAME))
    create_map = script(server, POST, f'"{made}/configmaps"', config_map(NAME))
    merge = script(server, MERGE, one_of_all, labels)
    strategic = script(server, STRATEGIC, one_of_all + ' .. "/status"', status)
    one_pod = f"{full}/p-000042"
    for name, connections, lua, path in (
        ("create_pod_c32", 32, create_pod, "/"),
        ("create_configmap_c32", 32, create_map, "/"),
        ("create_configmap_c1", 1, create_map, "/"),
        ("get_pod_c32", 32, "", one_pod),
        ("get_pod_c1", 1, "", one_pod),
        ("patch_pod_merge_c16", 16, merge, "/"),
        ("patch_pod_smp_c16", 16, strategic, "/"),
    ):
        before = server.cpu()
        rate, requests = wrk(server, seconds, connections, lua, path)
        yield name, rate
        yield f"{name}/cpu", (server.cpu() - before) / requests * 1e6


def script(server: Server, request: tuple[str, str], path: str, body: Any) -> str:
    """Return a script for wrk; `path` is an expression of Lua."""
    method, media_type = request
    text = json.dumps(body).replace(NAME, "' .. name .. '")
    return f"""
math.randomseed(os.time() + {id(body)})
local salt, n = string.format("%x", math.random(0, 2^30)), 0
local headers = {{["Content-Type"] = "{media_type}", ["Authorization"] = "Bearer {server.token}"}}
request = function()
  n = n + 1
  local name = "o-" .. salt .. "-" .. n
  return wrk.format("{method}", {path}, headers, '{text}')
end
"""


def wrk(server: Server, seconds: int, connections: int, lua: str, path: str) -> tuple[float, int]:
    """Run wrk; returns requests a second and their number. Raises: SystemExit when requests were refused."""
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "30s"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        if lua:
            file.write(lua)
            file.flush()
            command += ["-s", file.name]
        else:
            command += ["-H", f"Authorization: Bearer {server.token}"]
        done = subprocess.run([*command, server.url + path], capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise SystemExit(f"requests failed:\n{done.stdout}")
    words = done.stdout.split()
    return float(words[words.index("Requests/sec:") + 1]), int(words[words.index("requests") - 1])
