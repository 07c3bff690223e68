"""What the kubelet asks of the API server for pods: fresh, followed, and remembered while it is away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from steersman.api.kinds import CONFIG_MAPS
from steersman.client.rest import Client
from steersman.client.transport import ConnectionFailed
from steersman.kubelet.outside import ApiOutside
from steersman.kubelet.pods.fields import Addresses
from steersman.kubelet.volumes.plugin import Mountable, Token
from steersman.kubelet.volumes.podvolumes import PodVolumes
from steersman.runtime.clock import FakeClock, SystemClock
from steersman.runtime.tasks import TaskGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.client.transport import RawResponse, Transport


class Line:
    """A transport that can be cut."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.cut = False

    async def request(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes | None
    ) -> RawResponse:
        if self.cut:
            raise ConnectionFailed("cut")
        return await self.inner.request(method, path, query, headers, body)

    async def aclose(self) -> None:
        await self.inner.aclose()


@pytest.fixture
async def settings(client: Client) -> Client:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    await client.request("POST", "/api/v1/namespaces", body=namespace)
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"k": "1"}}
    await client.create(CONFIG_MAPS, obj, "shop")
    return client


async def test_objects_are_remembered_while_the_api_server_is_away(settings: Client) -> None:
    line = Line(settings.transport)
    outside = ApiOutside(Client(line), SystemClock(), lambda uid: None)
    assert (await outside.fetch(CONFIG_MAPS, "m", "shop") or {})["data"] == {"k": "1"}
    line.cut = True
    assert (await outside.fetch(CONFIG_MAPS, "m", "shop") or {})["data"] == {"k": "1"}
    with pytest.raises(ConnectionFailed):
        await outside.fetch(CONFIG_MAPS, "never", "shop")
    line.cut = False
    await settings.delete(CONFIG_MAPS, "m", "shop")
    assert await outside.fetch(CONFIG_MAPS, "m", "shop") is None


async def test_changes_reach_exactly_the_pods_that_follow(settings: Client) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    outside = ApiOutside(settings, SystemClock(), told.put_nowait)
    async with TaskGroup() as group:
        task = group.spawn(outside.run(), "outside")
        outside.follow("pod-1", "shop", {(CONFIG_MAPS, "m")})
        outside.follow("pod-2", "shop", set())
        assert await told.get() == "pod-1"  # the watch has begun
        await settings.patch(CONFIG_MAPS, "m", {"data": {"k": "2"}}, "shop")
        assert await told.get() == "pod-1"
        outside.forget("pod-1")
        await settings.patch(CONFIG_MAPS, "m", {"data": {"k": "3"}}, "shop")
        assert told.empty()
        task.cancel()


class Tokens:
    """Gives a new token each time it is asked after the refresh time of the last."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.given = 0

    async def fetch(self, resource: Any, name: str, namespace: str | None = None) -> None:
        return None

    async def token(self, pod: Any, audience: str, seconds: int) -> Token:
        self.given += 1
        return Token(f"token {self.given}", self.clock.time() + 0.8 * seconds)


class Recording:
    """A volume that only asks for a token."""

    field: ClassVar[str] = "projected"
    directory: ClassVar[str] = "recording"
    live: ClassVar[bool] = True

    async def set_up(self, volume: Mountable) -> str:
        token = await volume.outside.token(volume.pod, "", 600)
        volume.wake_at(token.refresh)
        return token.text


async def test_a_token_is_renewed_at_four_fifths_of_its_life() -> None:
    clock = FakeClock()
    volumes = PodVolumes("/nowhere", Tokens(clock), [Recording()])
    mounts = [{"name": "v", "mountPath": "/v"}]
    pod = {
        "metadata": {"name": "p", "namespace": "ns", "uid": "u"},
        "spec": {"volumes": [{"name": "v", "projected": {}}], "containers": [{"volumeMounts": mounts}]},
    }

    async def path_at(seconds: float) -> str:
        clock.advance(seconds)
        assert await volumes.set_up(pod, Addresses(), {}, clock.time()) == []
        return volumes.paths("u")["v"]

    assert [await path_at(step) for step in (0, 479, 2, 478)] == ["token 1", "token 1", "token 2", "token 2"]
    assert volumes.wake_at("u") > clock.time()
