"""What is stored under an EncryptionConfiguration, and what comes back, also after keys were rotated."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from tests.store.check_store import CheckStore

from steersman.api import kinds
from steersman.api.errors import ApiError
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.encryption.config import ConfigError, parse
from steersman.apiserver.encryption.providers import CannotDecrypt
from steersman.apiserver.encryption.store import EncryptedStore
from steersman.apiserver.server import APIServer
from steersman.client.rest import Client
from steersman.store.memory import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from steersman.store.base import Event

KEY = "/registry/core/secrets/default/s"
SECRET = b'{"data":"hush"}'
CIPHERS = ("aescbc", "aesgcm", "secretbox")


def keys(*names: str) -> dict[str, Any]:
    return {
        "keys": [
            {"name": name, "secret": base64.b64encode(name.encode().ljust(32, b".")).decode()}
            for name in names
        ]
    }


def settings(*providers: dict[str, Any], resources: tuple[str, ...] = ("secrets",)) -> dict[str, Any]:
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": list(resources), "providers": list(providers)}],
    }


def encrypted(inner: MemoryStore, *providers: dict[str, Any]) -> EncryptedStore:
    return EncryptedStore(inner, parse(settings(*providers)))


class TestEncrypted(CheckStore):
    @pytest.fixture
    async def store(self) -> EncryptedStore:
        return encrypted(MemoryStore(), {"aesgcm": keys("a")})


@pytest.mark.parametrize("cipher", CIPHERS)
async def test_a_value_is_stored_encrypted_and_read_back(cipher: str) -> None:
    inner = MemoryStore()
    store = encrypted(inner, {cipher: keys("a")})
    seen: list[Event] = []
    await store.watch("", after=1, deliver=seen.extend)
    entry = await store.put(KEY, SECRET, expect=0, note="mine")
    raw = await inner.get(KEY)
    assert raw is not None
    assert raw.value.startswith(f"k8s:enc:{cipher}:v1:a:".encode())
    assert b"hush" not in raw.value
    assert entry == await store.get(KEY) == (await store.range("/registry/")).entries[0] == seen[0].entry
    assert (entry.value, seen[0].note) == (SECRET, "mine")


@pytest.mark.parametrize("cipher", CIPHERS)
async def test_keys_are_rotated_by_writing_again(cipher: str) -> None:
    inner = MemoryStore()
    await encrypted(inner, {cipher: keys("old")}).put(KEY, SECRET, expect=0)
    both = encrypted(inner, {cipher: keys("new", "old")})
    entry = await both.get(KEY)
    assert entry is not None
    assert (entry.value, both.stale(KEY)) == (SECRET, True)
    await both.put(KEY, SECRET, expect=entry.revision)
    assert not both.stale(KEY)
    again = await encrypted(inner, {cipher: keys("new")}).get(KEY)
    assert again is not None
    assert again.value == SECRET


async def test_without_its_key_a_value_is_an_error_that_names_it() -> None:
    inner = MemoryStore()
    await encrypted(inner, {"aesgcm": keys("a")}).put(KEY, SECRET, expect=0)
    others: tuple[dict[str, Any], ...] = ({"aesgcm": keys("b")}, {"aescbc": keys("a")}, {"identity": {}})
    for providers in others:
        with pytest.raises(CannotDecrypt, match=KEY):
            await encrypted(inner, providers).get(KEY)


async def test_a_value_moved_to_another_key_does_not_decrypt() -> None:
    inner = MemoryStore()
    store = encrypted(inner, {"aesgcm": keys("a")})
    await store.put(KEY, SECRET, expect=0)
    raw = await inner.get(KEY)
    assert raw is not None
    await inner.put("/registry/core/secrets/default/other", raw.value, expect=0)
    with pytest.raises(CannotDecrypt):
        await store.get("/registry/core/secrets/default/other")


@pytest.mark.parametrize(
    ("resource", "key", "covered"),
    [
        ("secrets", "/registry/core/secrets/d/s", True),
        ("secrets", "/registry/core/configmaps/d/s", False),
        ("deployments.apps", "/registry/apps/deployments/d/s", True),
        ("*.apps", "/registry/apps/deployments/d/s", True),
        ("*.", "/registry/core/pods/d/s", True),
        ("*.", "/registry/apps/deployments/d/s", False),
        ("*.*", "/registry/apps/deployments/d/s", True),
        ("*.*", "/elsewhere", False),
    ],
)
def test_resources_are_named_as_upstream_names_them(resource: str, key: str, covered: bool) -> None:
    encryption = parse(settings({"identity": {}}, resources=(resource,)))
    assert bool(encryption.providers(key)) is covered


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        ({"rot13": {}}, r"providers\[0\].*rot13"),
        ({"aescbc": {"keys": []}}, r"aescbc\.keys"),
        ({"aescbc": {"keys": [{"name": "a", "secret": "AAAA"}]}}, "3 bytes"),
        ({"aescbc": {"keys": [{"name": "a", "secret": "!"}]}}, "base64"),
        ({"kms": {"apiVersion": "v1", "name": "a", "endpoint": "unix:///x"}}, "only v2"),
        ({"kms": {"apiVersion": "v2", "name": "a", "endpoint": "http://x"}}, "unix://"),
    ],
)
def test_a_bad_file_is_named(provider: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(settings(provider))


async def test_replacing_a_secret_with_itself_renews_it(tmp_path: Path) -> None:
    path, inner = tmp_path / "encryption.yaml", MemoryStore()
    key = "/registry/core/secrets/default/s"

    async def stored(*providers: dict[str, Any]) -> bytes:
        path.write_text(yaml.safe_dump(settings(*providers)))
        config = APIServerConfig(store="memory", encryption_provider_config=str(path))
        async with APIServer(config, store=inner, listen=False) as server:
            client = Client(server.transport())
            try:
                secret = await client.get(kinds.SECRETS, "s", "default")
                await client.update(kinds.SECRETS, secret)
            except ApiError:
                secret = {"metadata": {"name": "s"}, "stringData": {"k": "hush"}}
                await client.create(kinds.SECRETS, secret, "default")
            assert (await client.get(kinds.SECRETS, "s", "default"))["data"]["k"] == "aHVzaA=="
        entry = await inner.get(key)
        assert entry is not None
        return entry.value

    assert b"aHVzaA==" in await stored({"identity": {}})
    assert (await stored({"aescbc": keys("a")}, {"identity": {}})).startswith(b"k8s:enc:aescbc:v1:a:")
    assert (await stored({"secretbox": keys("b")}, {"aescbc": keys("a")})).startswith(b"k8s:enc:secretbox")
    assert b"aHVzaA==" in await stored({"identity": {}}, {"secretbox": keys("b")})


async def test_a_changed_file_is_taken_up_and_what_is_stored_can_be_renewed(tmp_path: Path) -> None:
    path, inner = tmp_path / "encryption.yaml", MemoryStore()

    def configure(*providers: dict[str, Any]) -> None:
        path.write_text(yaml.safe_dump(settings(*providers)))

    async def stored() -> bytes:
        entry = await inner.get(KEY)
        assert entry is not None
        return entry.value

    configure({"identity": {}})
    config = APIServerConfig(store="memory", encryption_provider_config=str(path))
    async with (
        APIServer(config, store=inner, listen=False) as server,
        Client(server.transport()) as client,
    ):
        secret = {"metadata": {"name": "s"}, "stringData": {"k": "hush"}}
        await client.create(kinds.SECRETS, secret, "default")
        configure({"aesgcm": keys("a")}, {"identity": {}})
        server.api.files.look()
        await client.update(kinds.SECRETS, await client.get(kinds.SECRETS, "s", "default"))
        assert (await stored()).startswith(b"k8s:enc:aesgcm:v1:a:")
        before = (await client.get(kinds.SECRETS, "s", "default"))["metadata"]["resourceVersion"]
        again = await client.update(kinds.SECRETS, await client.get(kinds.SECRETS, "s", "default"))
        assert again["metadata"]["resourceVersion"] == before
        path.write_text("kind: Nonsense")
        server.api.files.look()
        await client.update(kinds.SECRETS, {**again, "data": {"k": "YQ=="}})
        assert (await stored()).startswith(b"k8s:enc:aesgcm:v1:a:")
