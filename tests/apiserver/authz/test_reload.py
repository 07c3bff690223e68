"""AuthorizationConfiguration and AuthenticationConfiguration files that change under a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from steersman.apiserver.authn import User
from steersman.apiserver.authz.rbac.watched import WatchedRBAC
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.client.rest import Client
from steersman.store.memory import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

ANN = User("ann", groups=("system:authenticated",))


def write(path: Path, kind: str, **fields: Any) -> None:
    path.write_text(yaml.safe_dump({"apiVersion": "apiserver.config.k8s.io/v1", "kind": kind, **fields}))


async def test_authorizers_change_with_their_file_and_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "authorization.yaml"
    rbac, everything = {"type": "RBAC", "name": "rbac"}, {"type": "AlwaysAllow", "name": "all"}
    write(path, "AuthorizationConfiguration", authorizers=[rbac])
    config = APIServerConfig(store="memory", authorization_config=str(path))
    async with (
        APIServer(config, store=MemoryStore(), listen=False) as server,
        Client(server.transport(ANN)) as ann,
    ):

        async def status() -> int:
            server.api.files.look()
            return (await ann.request("GET", "/api/v1/namespaces")).status

        before = [one for one in server.api.authorizers if isinstance(one, WatchedRBAC)]
        assert await status() == 403
        write(path, "AuthorizationConfiguration", authorizers=[rbac, everything])
        assert await status() == 200
        path.write_text("kind: Nonsense")
        assert await status() == 200
        write(path, "AuthorizationConfiguration", authorizers=[rbac])
        assert await status() == 403
        assert [one for one in server.api.authorizers if isinstance(one, WatchedRBAC)] == before


async def test_anonymous_requests_follow_their_file(tmp_path: Path) -> None:
    path = tmp_path / "authentication.yaml"
    write(path, "AuthenticationConfiguration", anonymous={"enabled": True})
    config = APIServerConfig(store="memory", authentication_config=str(path))
    async with APIServer(config, store=MemoryStore(), listen=False) as server:
        assert (server.api.anonymous, server.api.anonymous_paths) == (True, frozenset())
        conditions = [{"path": "/livez"}]
        write(path, "AuthenticationConfiguration", anonymous={"enabled": True, "conditions": conditions})
        server.api.files.look()
        assert (server.api.anonymous, server.api.anonymous_paths) == (True, frozenset({"/livez"}))
