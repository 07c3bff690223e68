"""Betas and alphas behind their switch, and the versions of a kind over one stored form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.apiserver.objects import raw

from steersman.api import kinds
from steersman.apiserver import runtime_config
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.client.rest import Client
from steersman.store.memory import MemoryStore

if TYPE_CHECKING:
    from steersman.api.types import Object


@pytest.mark.parametrize(
    ("entries", "name", "expected"),
    [
        pytest.param((), "resource.k8s.io/v1beta1/resourceclaims", False, id="betas are off"),
        pytest.param(("api/beta=true",), "resource.k8s.io/v1beta1/resourceclaims", True, id="all betas"),
        pytest.param(("api/beta",), "resource.k8s.io/v1alpha3/devicetaintrules", False, id="but no alphas"),
        pytest.param(("api/all=true",), "resource.k8s.io/v1alpha3/devicetaintrules", True, id="everything"),
        pytest.param(
            ("resource.k8s.io/v1beta1=true",),
            "resource.k8s.io/v1beta2/resourceclaims",
            False,
            id="one version",
        ),
        pytest.param(
            ("api/beta=true", "resource.k8s.io/v1beta1=false"),
            "resource.k8s.io/v1beta1/resourceclaims",
            False,
            id="the most particular decides",
        ),
        pytest.param(
            ("resource.k8s.io/v1beta1/resourceclaims",),
            "resource.k8s.io/v1beta1/resourceclaims",
            True,
            id="one resource",
        ),
    ],
)
def test_switches(entries: tuple[str, ...], name: str, expected: bool) -> None:
    rows = runtime_config.served(kinds.RESOURCES, runtime_config.parse(entries))
    assert (name in {f"{row.api_version}/{row.plural}" for row in rows}) == expected
    assert set(kinds.SERVED) <= set(rows)


@pytest.mark.parametrize("entry", ["apps/v2=true", "api/beta=maybe", "apps/v1=false", "api/all=false"])
def test_switches_that_cannot_be(entry: str) -> None:
    with pytest.raises(ValueError, match="--runtime-config"):
        runtime_config.parse((entry,))


async def test_versions_share_their_objects() -> None:
    config = APIServerConfig(store="memory", runtime_config=("api/all=true",))
    claim: Object = {
        "metadata": {"name": "a"},
        "spec": {"devices": {"requests": [{"name": "gpu", "deviceClassName": "g", "count": 2}]}},
    }
    async with APIServer(config, store=MemoryStore(), listen=False) as server:
        client = Client(server.transport())
        old = kinds.by_kind("resource.k8s.io/v1beta1", "ResourceClaim")
        assert old is not None
        made = await client.create(old, claim, "default")
        (request,) = made["spec"]["devices"]["requests"]
        assert (request["deviceClassName"], request["count"]) == ("g", 2)
        stable = await client.get(kinds.RESOURCE_CLAIMS, "a", "default")
        (request,) = stable["spec"]["devices"]["requests"]
        assert (request["name"], request["exactly"]["count"]) == ("gpu", 2)
        groups = (await raw(client, "/apis"))[1]["groups"]
        (group,) = (one for one in groups if one["name"] == "resource.k8s.io")
        assert [one["version"] for one in group["versions"]] == ["v1", "v1beta2", "v1beta1", "v1alpha3"]
        for row in kinds.RESOURCES:
            if row.level != "ga" and "list" in row.verbs:
                status, listed = await raw(client, row.path())
                assert (status, listed["kind"]) == (200, row.list_kind)
