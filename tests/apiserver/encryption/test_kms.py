"""Encryption with the help of a key management plug-in: a real gRPC server on a Unix socket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import yaml

from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.encryption.config import parse
from steersman.apiserver.encryption.providers import CannotDecrypt
from steersman.apiserver.encryption.store import EncryptedStore
from steersman.apiserver.server import APIServer
from steersman.client.rest import Client
from steersman.store.base import StoreUnavailable
from steersman.store.memory import MemoryStore
from steersman.wire.kms import kms_pb2 as pb
from steersman.wire.kms import kms_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from steersman.store.base import Event

KEY = "/registry/core/secrets/default/s"


class Plugin(kms_pb2_grpc.KeyManagementServiceServicer):  # type: ignore[misc] # generated, without types
    """Guards seeds by exclusive or with its key's name."""

    def __init__(self) -> None:
        self.key, self.healthz, self.calls = "key-1", "ok", list[str]()

    def Status(self, request: pb.StatusRequest, context: Any) -> pb.StatusResponse:  # noqa: N802
        return pb.StatusResponse(version="v2", healthz=self.healthz, key_id=self.key)

    def Encrypt(self, request: pb.EncryptRequest, context: Any) -> pb.EncryptResponse:  # noqa: N802
        self.calls.append("encrypt")
        return pb.EncryptResponse(
            ciphertext=mixed(request.plaintext, self.key), key_id=self.key, annotations={"a.example": b"1"}
        )

    def Decrypt(self, request: pb.DecryptRequest, context: Any) -> pb.DecryptResponse:  # noqa: N802
        self.calls.append("decrypt")
        assert request.annotations["a.example"] == b"1"
        return pb.DecryptResponse(plaintext=mixed(request.ciphertext, request.key_id))


def mixed(data: bytes, key: str) -> bytes:
    return bytes(byte ^ ord(key[i % len(key)]) for i, byte in enumerate(data))


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[tuple[Plugin, str, Any]]:
    plugin, endpoint = Plugin(), f"unix://{tmp_path}/kms.sock"
    server = grpc.server(ThreadPoolExecutor(2))
    kms_pb2_grpc.add_KeyManagementServiceServicer_to_server(plugin, server)
    server.add_insecure_port(endpoint)
    server.start()
    yield plugin, endpoint, server
    server.stop(None).wait()


def opened(inner: MemoryStore, endpoint: str) -> EncryptedStore:
    provider = {"kms": {"apiVersion": "v2", "name": "test", "endpoint": endpoint, "timeout": "2s"}}
    document = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": [provider, {"identity": {}}]}],
    }
    return EncryptedStore(inner, parse(document))


def finish(*stores: EncryptedStore) -> None:
    for store in stores:
        for plugin in store._encryption.plugins():
            plugin.close()


async def test_the_plugin_is_asked_once_for_many_values(plugin: tuple[Plugin, str, Any]) -> None:
    kms, endpoint, _ = plugin
    inner = MemoryStore()
    writer, reader = opened(inner, endpoint), opened(inner, endpoint)
    for i in range(20):
        await writer.put(f"{KEY}{i}", b"hush", expect=0)
    raw = await inner.get(f"{KEY}0")
    assert raw is not None
    assert raw.value.startswith(b"k8s:enc:kms:v2:test:")
    page = await reader.range("/registry/")
    assert {entry.value for entry in page.entries} == {b"hush"}
    assert kms.calls == ["encrypt", "decrypt"]
    finish(writer, reader)


async def test_a_new_key_of_the_plugin_is_taken_and_old_values_are_stale(
    plugin: tuple[Plugin, str, Any],
) -> None:
    kms, endpoint, _ = plugin
    store = opened(MemoryStore(), endpoint)
    seen: list[Event] = []
    await store.watch("", after=1, deliver=seen.extend)
    await store.put(KEY, b"hush", expect=0)
    kms.key = "key-2"
    await store._encryption.plugins()[0].renew()
    entry = await store.get(KEY)
    assert entry is not None
    assert (entry.value, store.stale(KEY)) == (b"hush", True)
    await store.put(KEY, b"hush", expect=entry.revision)
    assert not store.stale(KEY)
    finish(store)


async def test_what_another_server_writes_is_shown_to_watchers(plugin: tuple[Plugin, str, Any]) -> None:
    inner = MemoryStore()
    writer, reader = opened(inner, plugin[1]), opened(inner, plugin[1])
    await writer.put(KEY, b"hush", expect=0)
    seen: list[Event] = []
    await reader.watch("/registry/", after=1, deliver=seen.extend)
    assert [event.entry.value for event in seen] == [b"hush"]
    finish(writer, reader)


async def test_without_the_plugin_nothing_is_written_or_read(plugin: tuple[Plugin, str, Any]) -> None:
    _, endpoint, server = plugin
    inner = MemoryStore()
    writer, late = opened(inner, endpoint), opened(inner, endpoint)
    await writer.put(KEY, b"hush", expect=0)
    server.stop(None).wait()
    with pytest.raises(StoreUnavailable, match="test"):
        await late.put(f"{KEY}2", b"hush", expect=0)
    with pytest.raises(CannotDecrypt, match="test"):
        await late.get(KEY)
    entry = await writer.get(KEY)
    assert entry is not None
    assert entry.value == b"hush"
    finish(writer, late)


async def test_readiness_names_a_plugin_that_fails(plugin: tuple[Plugin, str, Any], tmp_path: Path) -> None:
    kms, endpoint, _ = plugin
    provider = {"kms": {"apiVersion": "v2", "name": "test", "endpoint": endpoint, "timeout": "2s"}}
    path = tmp_path / "encryption.yaml"
    document = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": [provider, {"identity": {}}]}],
    }
    path.write_text(yaml.safe_dump(document))
    config = APIServerConfig(store="memory", encryption_provider_config=str(path))
    async with (
        APIServer(config, store=MemoryStore(), listen=False) as server,
        Client(server.transport()) as client,
    ):
        store = server.api.store
        assert isinstance(store, EncryptedStore)
        assert (await client.request("GET", "/readyz/kms-providers")).status == 200
        kms.healthz = "the key is gone"
        with pytest.raises(StoreUnavailable):
            await store.encryption.plugins()[0].renew()
        answer = await client.request("GET", "/readyz")
        assert answer.status == 500
        assert (
            b"[-]kms-providers failed: the key management plug-in test says: the key is gone" in answer.body
        )
        assert (await client.request("GET", "/livez")).status == 200
