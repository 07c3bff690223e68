"""The real kubectl with custom resources, against a server that listens."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.apiserver.apiextensions.definitions import cron_tab, definition, schema, version

from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.bootstrap import kubeconfigs, pki
from steersman.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from steersman.api.types import Object

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed"),
]


class Kubectl:
    """Runs kubectl as an administrator."""

    def __init__(self, directory: Path) -> None:
        self._options = (f"--kubeconfig={directory}/admin.kubeconfig", f"--cache-dir={directory}/cache")
        self._environment = {"HOME": str(directory), "PATH": "/usr/local/bin:/usr/bin:/bin"}

    async def __call__(self, *words: str, given: Object | None = None) -> tuple[int, str]:
        """Return the exit status and everything it printed."""
        process = await asyncio.create_subprocess_exec(
            *("kubectl", *self._options, *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environment,
        )
        printed, _ = await process.communicate(orjson.dumps(given) if given is not None else None)
        assert process.returncode is not None
        return process.returncode, printed.decode()


@pytest.fixture
async def kubectl(tmp_path: Path) -> AsyncIterator[Kubectl]:
    keys = pki.ensure_pki(tmp_path)
    files = tmp_path / "pki"
    config = APIServerConfig(
        store="memory",
        port=0,
        tls_cert=str(files / "apiserver.crt"),
        tls_key=str(files / "apiserver.key"),
        client_ca=str(files / "ca.crt"),
    )
    async with APIServer(config, store=MemoryStore()) as server:
        kubeconfigs.ensure_control_plane(tmp_path, keys, server.url)
        yield Kubectl(tmp_path)


async def test_a_definition_can_be_used_right_away(kubectl: Kubectl) -> None:
    rules = [{"rule": "self.replicas < 5", "message": "too many", "fieldPath": ".replicas"}]
    guarded = {
        "openAPIV3Schema": schema({**schema()["properties"]["spec"], "x-kubernetes-validations": rules})
    }
    made = definition(version(schema=guarded))
    status, text = await kubectl("apply", "-f", "-", given=made)
    assert status == 0, text
    name = "crd/crontabs.stable.example.com"
    assert (await kubectl("wait", "--for=condition=Established", name, "--timeout=5s"))[0] == 0
    status, text = await kubectl("explain", "crontab.spec.cronSpec")
    assert (status, "When it runs." in text) == (0, True)
    assert "created" in (await kubectl("apply", "-f", "-", given=cron_tab(replicas=2)))[1]
    _, table = await kubectl("get", "ct")
    assert [line.split()[:1] for line in table.splitlines()] == [["NAME"], ["my"]]
    assert "crontab.stable.example.com/my" in (await kubectl("get", "all"))[1]
    assert "scaled" in (await kubectl("scale", "ct/my", "--replicas=4"))[1]
    status, text = await kubectl("apply", "-f", "-", given=cron_tab(replicas=7))
    assert status == 1
    assert "spec.replicas: Invalid value: too many" in text
    status, text = await kubectl("apply", "-f", "-", given=cron_tab(nonsense=1))
    assert 'strict decoding error: unknown field "spec.nonsense"' in text
    assert (await kubectl("delete", name, "--timeout=10s"))[0] == 0
    assert "NotFound" in (await kubectl("get", "ct"))[1]
