"""Requests a second, by wrk: as many connections as asked for, one thread, every request another name."""

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
    """Yield the name and the rate of each workload; `pods` are there in namespace `full`."""
    made, full = "/api/v1/namespaces/made", "/api/v1/namespaces/full/pods"
    labels = {"metadata": {"labels": {"v": NAME}}}
    condition = {"type": "Ready", "status": "True", "message": NAME}
    status = {"status": {"phase": "Running", "conditions": [condition]}}
    one_of_all = f'string.format("{full}/p-%06d", (n * 7919) % {pods})'
    create_pod = script(server, POST, f'"{made}/pods"', pod(NAME))
    create_map = script(server, POST, f'"{made}/configmaps"', config_map(NAME))
    merge = script(server, MERGE, one_of_all, labels)
    strategic = script(server, STRATEGIC, one_of_all + ' .. "/status"', status)
    yield "create_pod_c32", wrk(server, seconds, 32, create_pod)
    yield "create_configmap_c32", wrk(server, seconds, 32, create_map)
    yield "create_configmap_c1", wrk(server, seconds, 1, create_map)
    yield "get_pod_c32", wrk(server, seconds, 32, path=f"{full}/p-000042")
    yield "get_pod_c1", wrk(server, seconds, 1, path=f"{full}/p-000042")
    yield "patch_pod_merge_c16", wrk(server, seconds, 16, merge)
    yield "patch_pod_smp_c16", wrk(server, seconds, 16, strategic)


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


def wrk(server: Server, seconds: int, connections: int, lua: str = "", path: str = "/") -> float:
    """Run wrk and return requests a second. Raises: SystemExit when requests were refused."""
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
    return float(done.stdout.partition("Requests/sec:")[2].split()[0])
