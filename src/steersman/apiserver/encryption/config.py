"""The EncryptionConfiguration file: which resources are encrypted, and by which providers."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steersman.apiserver.encryption import providers
from steersman.runtime.program import CannotStart

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.apiserver.encryption.kms import KMS
    from steersman.apiserver.encryption.providers import Cipher, Provider

ROOT = "/registry/"
AES_KEYS = (16, 24, 32)
BOX_KEYS = (32,)
"""Sizes of secrets in bytes."""
KMS_SECONDS = 3.0
"""How long a plug-in may take, unless the file says otherwise."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


class ConfigError(CannotStart):
    """The file cannot be used; the text says where."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Some resources (`secrets`, `deployments.apps`, `*.apps`, `*.`, `*.*`) and their providers."""

    resources: tuple[str, ...]
    providers: tuple[Provider, ...]

    def covers(self, group: str, plural: str) -> bool:
        """Say whether a resource is among them."""
        names = {f"{plural}.{group}" if group else plural, f"*.{group}", "*.*"}
        return any(name in names for name in self.resources)


@dataclass(frozen=True, slots=True)
class Encryption:
    """The whole file."""

    entries: tuple[Entry, ...]

    def providers(self, key: str) -> tuple[Provider, ...]:
        """Return the providers of a key of the store; empty: it is stored as it is."""
        if not key.startswith(ROOT):
            return ()
        group, plural = key[len(ROOT) :].split("/", 2)[:2]
        group = "" if group == "core" else group
        for entry in self.entries:
            if entry.covers(group, plural):
                return entry.providers
        return ()

    def plugins(self) -> list[KMS]:
        """Return the key management plug-ins in use, each once."""
        found: list[KMS] = []
        for entry in self.entries:
            for provider in entry.providers:
                if not isinstance(provider, (providers.Identity, providers.Keyed)) and provider not in found:
                    found.append(provider)  # type: ignore[arg-type]
        return found


def load(path: str) -> Encryption:
    """Read a file. Raises: ConfigError, OSError."""
    import yaml

    try:
        document = yaml.safe_load(Path(path).read_text())
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    try:
        return parse(document)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def parse(document: Any) -> Encryption:
    """Make the settings of the decoded file. Raises: ConfigError."""
    if not isinstance(document, dict) or document.get("kind") != "EncryptionConfiguration":
        raise ConfigError("it is not of kind EncryptionConfiguration")
    if document.get("apiVersion") != "apiserver.config.k8s.io/v1":
        raise ConfigError(f"apiVersion {document.get('apiVersion')!r} is not apiserver.config.k8s.io/v1")
    plugins: dict[str, KMS] = {}
    entries = []
    for i, entry in enumerate(_list(document, "resources", "resources")):
        where = f"resources[{i}]"
        resources = tuple(str(name) for name in _list(entry, "resources", f"{where}.resources"))
        given = _list(entry, "providers", f"{where}.providers")
        made = tuple(_provider(one, f"{where}.providers[{j}]", plugins) for j, one in enumerate(given))
        entries.append(Entry(resources, made))
    return Encryption(tuple(entries))


def _provider(value: Any, where: str, plugins: dict[str, KMS]) -> Provider:
    if not isinstance(value, dict) or len(value) != 1:
        raise ConfigError(f"{where}: exactly one of identity, aescbc, aesgcm, secretbox and kms is needed")
    ((kind, settings),) = value.items()
    if kind == "identity":
        return providers.Identity()
    if kind == "kms":
        return _kms(settings or {}, f"{where}.kms", plugins)
    if kind not in CIPHERS:
        raise ConfigError(f"{where}: {kind!r} is not a provider")
    make, sizes = CIPHERS[kind]
    keys = [
        _key(key, f"{where}.{kind}.keys[{i}]", sizes)
        for i, key in enumerate(_list(settings, "keys", f"{where}.{kind}.keys"))
    ]
    if len({name for name, _ in keys}) != len(keys):
        raise ConfigError(f"{where}.{kind}.keys: a name is used twice")
    return providers.Keyed(kind, make, keys)


CIPHERS: dict[str, tuple[Callable[[bytes], Cipher], tuple[int, ...]]] = {
    "aescbc": (providers.AESCBC, AES_KEYS),
    "aesgcm": (providers.AESGCM, AES_KEYS),
    "secretbox": (providers.SecretBox, BOX_KEYS),
}


def _key(value: Any, where: str, sizes: tuple[int, ...]) -> tuple[str, bytes]:
    name = value.get("name") if isinstance(value, dict) else None
    if not name or ":" in str(name):
        raise ConfigError(f"{where}.name: a name without colons is needed")
    try:
        secret = base64.b64decode(str(value.get("secret") or ""), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError(f"{where}.secret: it is not base64") from None
    if len(secret) not in sizes:
        raise ConfigError(f"{where}.secret: {len(secret)} bytes, needed are {' or '.join(map(str, sizes))}")
    return str(name), secret


def _kms(value: dict[str, Any], where: str, plugins: dict[str, KMS]) -> Provider:
    if value.get("apiVersion", "v1") != "v2":
        raise ConfigError(f"{where}.apiVersion: only v2 is supported")
    name, endpoint = str(value.get("name") or ""), str(value.get("endpoint") or "")
    if not name or ":" in name:
        raise ConfigError(f"{where}.name: a name without colons is needed")
    if not endpoint.startswith("unix://"):
        raise ConfigError(f"{where}.endpoint: {endpoint!r} does not begin with unix://")
    if name not in plugins:
        from steersman.apiserver.encryption.kms import KMS

        plugins[name] = KMS(name, endpoint, _seconds(value.get("timeout"), where))
    return plugins[name]


def _seconds(value: Any, where: str) -> float:
    if value is None:
        return KMS_SECONDS
    text = str(value)
    number = text.rstrip("ms")
    unit = _UNITS.get(text[len(number) :])
    try:
        return float(number) * (unit or 0.0) or KMS_SECONDS
    except ValueError:
        raise ConfigError(f"{where}.timeout: {text!r} is not a duration") from None


def _list(value: Any, name: str, where: str) -> list[Any]:
    items = value.get(name) if isinstance(value, dict) else None
    if not isinstance(items, list) or not items:
        raise ConfigError(f"{where}: at least one is needed")
    return items
