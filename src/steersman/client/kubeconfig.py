"""Kubeconfig files: read one context of one, write one, merge a context into a user's.

The file format is client-go's (`kind: Config`). Relative paths in a file are relative to its directory.
Reading accepts YAML or JSON; JSON (which is YAML) is tried first because it is much quicker to parse.
"""

from __future__ import annotations

import base64
import binascii
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from steersman.client.auth import Credentials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.types import Object

__all__ = ["KubeConfig", "KubeConfigError", "default_path", "load", "make", "merge", "remove", "write"]


class KubeConfigError(Exception):
    """A kubeconfig that cannot be used; the message names the file and the entry."""


@dataclass(frozen=True, slots=True)
class KubeConfig:
    """One resolved context: where the server is, who we are, which namespace is meant by none."""

    server: str
    credentials: Credentials
    namespace: str = "default"
    context: str = ""


def default_path() -> Path:
    """The file kubectl would write: the first of $KUBECONFIG, else ~/.kube/config."""
    paths = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return Path(paths[0]) if paths else Path.home() / ".kube" / "config"


def read(path: str | os.PathLike[str]) -> Object:
    """The file as it is. Raises: KubeConfigError when missing or malformed."""
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise KubeConfigError(f"cannot read kubeconfig {path}: {error.strerror}") from error
    if not text.strip():
        return {}
    try:
        config = orjson.loads(text)
    except orjson.JSONDecodeError:
        config = _parse_yaml(text, path)
    if not isinstance(config, dict):
        raise KubeConfigError(f"kubeconfig {path} is not a mapping")
    return config


def load(path: str | os.PathLike[str], context: str = "") -> KubeConfig:
    """Resolve one context (default: the current one). Raises: KubeConfigError."""
    config = read(path)
    name = context or config.get("current-context") or ""
    if not name:
        raise KubeConfigError(f"kubeconfig {path} has no current context")
    chosen = _entry(config, "contexts", "context", name, path)
    cluster = _entry(config, "clusters", "cluster", chosen.get("cluster", ""), path)
    user = _entry(config, "users", "user", chosen["user"], path) if chosen.get("user") else {}
    if not cluster.get("server"):
        raise KubeConfigError(f"kubeconfig {path}: cluster {chosen.get('cluster')!r} has no server")
    return KubeConfig(
        server=cluster["server"],
        credentials=_credentials(cluster, user, Path(path).parent),
        namespace=chosen.get("namespace") or "default",
        context=name,
    )


def make(
    name: str,
    server: str,
    *,
    ca: bytes = b"",
    cert: bytes = b"",
    key: bytes = b"",
    token: str = "",
    user: str = "",
    namespace: str = "",
) -> Object:
    """A kubeconfig with one cluster, user and context, all data inline. `ca`, `cert` and `key` are PEM."""
    cluster: Object = {"server": server}
    if ca:
        cluster["certificate-authority-data"] = base64.b64encode(ca).decode()
    identity: Object = {}
    if cert:
        identity["client-certificate-data"] = base64.b64encode(cert).decode()
        identity["client-key-data"] = base64.b64encode(key).decode()
    if token:
        identity["token"] = token
    user = user or name
    context = {"cluster": name, "user": user} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": user, "user": identity}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
        "preferences": {},
    }


def write(path: str | os.PathLike[str], config: Object) -> None:
    """Write atomically, readable by the owner only. Directories are made. Raises: OSError."""
    target = Path(path)
    if target.is_symlink():
        target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    number, temporary = tempfile.mkstemp(prefix=".kubeconfig-", dir=target.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(_dump_yaml(config))
        os.replace(temporary, target)
    except BaseException:  # cleans up and re-raises (BLE001)
        os.unlink(temporary)
        raise


def merge(path: str | os.PathLike[str], addition: Object, *, set_current: bool = True) -> bool:
    """Put the entries of `addition` into the file, replacing those of the same name; others are kept.

    Returns whether the file changed. Raises: KubeConfigError when the present file is malformed, OSError.
    """
    present = read(path) if Path(path).exists() else {}
    merged: Object = {"apiVersion": "v1", "kind": "Config", "preferences": {}} | present
    for section in ("clusters", "users", "contexts"):
        new = addition.get(section) or []
        names = {entry["name"] for entry in new}
        merged[section] = [e for e in merged.get(section) or [] if e.get("name") not in names] + new
    if set_current or not merged.get("current-context"):
        merged["current-context"] = addition.get("current-context", "")
    if _sorted(merged) == _sorted(present):
        return False
    write(path, merged)
    return True


def remove(path: str | os.PathLike[str], names: Sequence[str]) -> bool:
    """Take the contexts, clusters and users with these names out of the file; returns whether it changed."""
    if not Path(path).exists():
        return False
    present = read(path)
    changed = dict(present)
    for section in ("clusters", "users", "contexts"):
        changed[section] = [e for e in present.get(section) or [] if e.get("name") not in names]
    if changed.get("current-context") in names:
        changed["current-context"] = ""
    if changed == present:
        return False
    write(path, changed)
    return True


def _sorted(config: Object) -> Object:
    """The config with entries in the order of their names, so that order alone is no change."""
    sections = ("clusters", "users", "contexts")
    return {
        key: sorted(value or [], key=lambda entry: str(entry.get("name"))) if key in sections else value
        for key, value in config.items()
    }


def _entry(config: Object, section: str, key: str, name: str, path: str | os.PathLike[str]) -> Object:
    for entry in config.get(section) or []:
        if entry.get("name") == name:
            return entry.get(key) or {}
    raise KubeConfigError(f"kubeconfig {path} has no {key} {name!r}")


def _credentials(cluster: Object, user: Object, directory: Path) -> Credentials:
    for unsupported in ("exec", "auth-provider"):
        if unsupported in user:
            raise KubeConfigError(f"kubeconfig users with {unsupported!r} are not supported")

    def data(source: Object, field: str) -> bytes:
        try:
            return base64.b64decode(source.get(field) or "", validate=False)
        except binascii.Error as error:
            raise KubeConfigError(f"kubeconfig {field} is not base64: {error}") from error

    def file(source: Object, field: str) -> str:
        value = source.get(field) or ""
        # Data wins over a file of the same thing, as in client-go.
        return str(directory / value) if value and not source.get(field + "-data") else ""

    return Credentials(
        ca_data=data(cluster, "certificate-authority-data"),
        ca_file=file(cluster, "certificate-authority"),
        cert_data=data(user, "client-certificate-data"),
        cert_file=file(user, "client-certificate"),
        key_data=data(user, "client-key-data"),
        key_file=file(user, "client-key"),
        token=user.get("token") or "",
        token_file=str(directory / user["tokenFile"]) if user.get("tokenFile") else "",
        username=user.get("username") or "",
        password=user.get("password") or "",
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        server_name=cluster.get("tls-server-name") or "",
    )


def _parse_yaml(text: bytes, path: str | os.PathLike[str]) -> Any:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        raise KubeConfigError(f"kubeconfig {path} is not YAML: {error}") from error


def _dump_yaml(config: Object) -> bytes:
    import yaml

    text: str = yaml.safe_dump(config, sort_keys=True, default_flow_style=False, allow_unicode=True)
    return text.encode()
