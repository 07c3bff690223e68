"""What is recorded of requests to a server with an audit policy."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import yaml
from aiohttp import web

from steersman.api import kinds
from steersman.api.errors import Forbidden
from steersman.apiserver.audit.logfile import LogFile
from steersman.apiserver.authn import User
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.client.rest import Client
from steersman.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [
        {"level": "None", "verbs": ["list"]},
        {"level": "Metadata", "resources": [{"resources": ["secrets"]}]},
        {"level": "RequestResponse", "resources": [{"resources": ["configmaps"]}]},
        {"level": "Metadata"},
    ],
}
CONFIG_MAP = {"metadata": {"name": "x"}, "data": {"a": "b"}}


@asynccontextmanager
async def audited(tmp_path: Path, **more: Any) -> AsyncIterator[APIServer]:
    policy = tmp_path / "policy.yaml"
    policy.write_text(yaml.safe_dump(POLICY))
    config = APIServerConfig(
        store="memory", audit_policy_file=str(policy), audit_log_path=str(tmp_path / "audit.log"), **more
    )
    async with APIServer(config, store=MemoryStore(), listen=False) as server:
        yield server


def recorded(tmp_path: Path) -> list[Any]:
    return [orjson.loads(line) for line in (tmp_path / "audit.log").read_bytes().splitlines()]


async def test_a_write_is_recorded_with_what_was_sent_and_answered(tmp_path: Path) -> None:
    async with audited(tmp_path) as server:
        await Client(server.transport()).create(kinds.CONFIG_MAPS, dict(CONFIG_MAP), "default")
    (event,) = recorded(tmp_path)
    assert (event["stage"], event["level"], event["verb"]) == (
        "ResponseComplete",
        "RequestResponse",
        "create",
    )
    assert event["user"]["username"] == "kubernetes-admin"
    assert event["objectRef"]["name"] == "x"
    assert event["objectRef"]["uid"] == event["responseObject"]["metadata"]["uid"]
    assert event["requestObject"]["data"] == {"a": "b"}
    assert "managedFields" not in event["responseObject"]["metadata"]
    assert event["responseStatus"]["code"] == 201
    assert event["requestURI"] == "/api/v1/namespaces/default/configmaps"
    assert event["annotations"]["authorization.k8s.io/decision"] == "allow"


async def test_secrets_are_recorded_without_their_content(tmp_path: Path) -> None:
    async with audited(tmp_path) as server:
        client = Client(server.transport())
        await client.create(
            kinds.SECRETS, {"metadata": {"name": "s"}, "stringData": {"k": "hush"}}, "default"
        )
        await client.list(kinds.SECRETS, "default")
    (event,) = recorded(tmp_path)
    assert "hush" not in (tmp_path / "audit.log").read_text()
    assert event["objectRef"]["resource"] == "secrets"


async def test_a_refusal_is_recorded_with_its_reason(tmp_path: Path) -> None:
    async with audited(tmp_path) as server:
        nobody = Client(server.transport(User("bob", groups=("system:authenticated",))))
        with pytest.raises(Forbidden):
            await nobody.get(kinds.CONFIG_MAPS, "x", "default")
    (event,) = recorded(tmp_path)
    assert event["responseStatus"]["code"] == 403
    assert event["responseStatus"]["reason"] == "Forbidden"
    assert event["annotations"]["authorization.k8s.io/decision"] == "forbid"


async def test_a_watch_is_recorded_at_its_beginning_and_its_end(tmp_path: Path) -> None:
    async with audited(tmp_path) as server:
        client = Client(server.transport())
        async for _ in client.watch(kinds.CONFIG_MAPS, "default", resource_version="1", timeout_seconds=1):
            pass
    first, last = recorded(tmp_path)
    assert (first["stage"], last["stage"]) == ("ResponseStarted", "ResponseComplete")
    assert first["auditID"] == last["auditID"]


async def test_events_reach_a_webhook(tmp_path: Path) -> None:
    got: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        got.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/audit", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    hook = tmp_path / "hook.kubeconfig"
    hook.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "hook", "cluster": {"server": f"http://127.0.0.1:{port}/audit"}}],
                "contexts": [{"name": "hook", "context": {"cluster": "hook", "user": ""}}],
                "current-context": "hook",
            }
        )
    )
    async with audited(tmp_path, audit_webhook_config_file=str(hook)) as server:
        await Client(server.transport()).create(kinds.CONFIG_MAPS, dict(CONFIG_MAP), "default")
    await runner.cleanup()
    (batch,) = got
    assert (batch["kind"], batch["items"][0]["objectRef"]["name"]) == ("EventList", "x")


def test_a_full_file_is_set_aside_and_the_oldest_are_deleted(tmp_path: Path) -> None:
    file = LogFile(str(tmp_path / "audit.log"), max_bytes=50, backups=2)
    for i in range(8):
        file.emit({"number": i, "text": "." * 20})
    file.close()
    assert (tmp_path / "audit.log").stat().st_size <= 50
    assert len(list(tmp_path.glob("audit-*.log"))) <= 2


async def test_admission_notes_what_it_judged_by(tmp_path: Path) -> None:
    async with audited(tmp_path) as server:
        client = Client(server.transport())
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        await client.create(kinds.NAMESPACES, {"metadata": {"name": "n", "labels": labels}})
        await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "n")
        pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        with pytest.raises(Forbidden):
            await client.create(kinds.PODS, pod, "n")
    annotations = recorded(tmp_path)[-1]["annotations"]
    assert annotations["pod-security.kubernetes.io/enforce-policy"] == "restricted:latest"
