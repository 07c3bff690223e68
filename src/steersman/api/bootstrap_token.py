"""Bootstrap tokens: Secrets in kube-system that let new nodes in. Pure.

    bootstrap-token-<id>, type bootstrap.kubernetes.io/token
    data: token-id (6 characters), token-secret (16), expiration, usage-bootstrap-authentication,
          usage-bootstrap-signing, auth-extra-groups

The token is `<id>.<secret>`. Source: "Authenticating with Bootstrap Tokens".
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api import meta, times

if TYPE_CHECKING:
    from steersman.api.types import Object

NAMESPACE = "kube-system"
SECRET_TYPE = "bootstrap.kubernetes.io/token"
NAME_PREFIX = "bootstrap-token-"
USER_PREFIX = "system:bootstrap:"
DEFAULT_GROUP = "system:bootstrappers"
JOIN_GROUP = "system:bootstrappers:kubeadm:default-node-token"
"""The extra group of tokens that nodes join with."""
_TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class BootstrapToken:
    """What a Secret says of a token."""

    id: str
    secret: str
    expiration: float | None
    """Wall time in seconds; None for ever."""
    authenticates: bool
    signs: bool
    groups: tuple[str, ...]
    """All groups of whoever authenticates with it."""

    def expired(self, now: float) -> bool:
        return self.expiration is not None and now >= self.expiration


def split_token(text: str) -> tuple[str, str] | None:
    """(id, secret) of a token; None for what has not the form of one."""
    found = _TOKEN.fullmatch(text)
    return (found[1], found[2]) if found else None


def parse_secret(secret: Object) -> BootstrapToken:
    """Raises: ValueError saying what is wrong with the Secret."""
    if secret.get("type") != SECRET_TYPE:
        raise ValueError(f"the type is not {SECRET_TYPE}")
    identity = _text(secret, "token-id")
    if meta.name(secret) != NAME_PREFIX + identity:
        raise ValueError(f"the name is not {NAME_PREFIX}{identity}, as its token-id demands")
    if split_token(f"{identity}.{_text(secret, 'token-secret')}") is None:
        raise ValueError("token-id and token-secret are not 6 and 16 lower-case letters and digits")
    groups = [group for group in _text(secret, "auth-extra-groups").split(",") if group]
    wrong = next((group for group in groups if not _GROUP.fullmatch(group)), None)
    if wrong is not None:
        raise ValueError(f"the group {wrong!r} does not begin with {DEFAULT_GROUP}:")
    return BootstrapToken(
        id=identity,
        secret=_text(secret, "token-secret"),
        expiration=expiration_of(secret),
        authenticates=_text(secret, "usage-bootstrap-authentication") == "true",
        signs=_text(secret, "usage-bootstrap-signing") == "true",
        groups=tuple(dict.fromkeys((DEFAULT_GROUP, *groups))),
    )


def expiration_of(secret: Object) -> float | None:
    """When a token ends; one whose time cannot be read has ended long ago."""
    text = _text(secret, "expiration")
    if not text:
        return None
    try:
        return times.parse_time(text)
    except ValueError:
        return 0.0


def _text(secret: Object, key: str) -> str:
    try:
        return base64.b64decode((secret.get("data") or {}).get(key) or "").decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
