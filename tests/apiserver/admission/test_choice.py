"""Which plug-ins run: the default ones, those enabled, without those disabled."""

from __future__ import annotations

import orjson
import pytest

from steersman.api import kinds
from steersman.apiserver.authn import User
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.client.rest import Client
from steersman.store.memory import MemoryStore

OWNERS = "OwnerReferencesPermissionEnforcement"


async def names(**config: tuple[str, ...]) -> list[str]:
    settings = APIServerConfig(store="memory", **config)  # type: ignore[arg-type]
    async with APIServer(settings, store=MemoryStore(), listen=False) as server:
        return [plugin.name for plugin in server.api.plugins]


async def test_what_runs_is_chosen_by_name() -> None:
    usual = await names()
    assert OWNERS not in usual
    assert usual[-1] == "ResourceQuota"
    chosen = await names(enable_admission_plugins=(OWNERS,), disable_admission_plugins=("PodSecurity",))
    assert OWNERS in chosen
    assert "PodSecurity" not in chosen


async def test_an_unknown_name_ends_the_start() -> None:
    with pytest.raises(ValueError, match="there is no admission plug-in Nonsense"):
        await names(enable_admission_plugins=("Nonsense",))


async def test_owners_are_only_blocked_by_those_who_may_write_their_finalizers() -> None:
    settings = APIServerConfig(store="memory", enable_admission_plugins=(OWNERS,))
    async with APIServer(settings, store=MemoryStore(), listen=False) as server:
        async with Client(server.transport()) as admin:
            rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "update"]}]
            role = {"metadata": {"name": "r"}, "rules": rules}
            await admin.create(kinds.CLUSTER_ROLES, role)
            binding = {
                "metadata": {"name": "r"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"},
                "subjects": [{"kind": "User", "name": "ann", "apiGroup": "rbac.authorization.k8s.io"}],
            }
            await admin.create(kinds.CLUSTER_ROLE_BINDINGS, binding)
        owner = {"apiVersion": "v1", "kind": "Secret", "name": "s", "uid": "1", "blockOwnerDeletion": True}
        made = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "c", "ownerReferences": [owner]},
        }
        ann = User("ann", groups=("system:authenticated",))
        async with Client(server.transport(ann)) as client:
            answer = await client.request("POST", kinds.CONFIG_MAPS.path("default"), body=orjson.dumps(made))
        assert answer.status == 403
        assert "refers to a resource you can't set finalizers on" in answer.json()["message"]
