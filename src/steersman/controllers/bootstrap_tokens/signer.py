"""Signs kube-public/cluster-info with every bootstrap token that may, so that joining machines can trust it.

The ConfigMap holds a kubeconfig with the cluster's address and CA. For each token it gets a detached JWS
(HS256, the token's secret the key) under `jws-kubeconfig-<token id>`. Source: "Authenticating with Bootstrap
Tokens", ConfigMap signing; RFC 7515, appendix F.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

import orjson

from steersman.api import bootstrap_token, kinds
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steersman.api.types import Object

__all__ = ["BootstrapSignerController"]

NAMESPACE, NAME = "kube-public", "cluster-info"
KUBECONFIG = "kubeconfig"
PREFIX = "jws-kubeconfig-"
_KEY = f"{NAMESPACE}/{NAME}"


class BootstrapSignerController(Controller):
    name = "bootstrap-signer-controller"
    workers = 1

    def setup(self) -> None:
        self.maps = self.informer(
            kinds.CONFIG_MAPS, namespace=NAMESPACE, field_selector=f"metadata.name={NAME}"
        )
        self.secrets = self.informer(
            kinds.SECRETS,
            namespace=bootstrap_token.NAMESPACE,
            field_selector=f"type={bootstrap_token.SECRET_TYPE}",
        )
        self.for_each(self.maps)
        self.secrets.add_handler(lambda old, new: self.queue.add(_KEY))

    async def reconcile(self, key: str) -> float | None:
        """Bring the signatures up to date."""
        info = self.maps.get(NAME, NAMESPACE)
        if info is None:
            return None
        data: dict[str, str] = info.get("data") or {}
        wanted = plan_signatures(data, self.secrets.list(), self.clock.time())
        if wanted != data:
            answer = await self.client.update(kinds.CONFIG_MAPS, info | {"data": wanted})
            self.writes.wrote(key, self.maps, answer)
        return None


def plan_signatures(data: Mapping[str, str], secrets: Iterable[Object], now: float) -> dict[str, str]:
    """The ConfigMap's data with the signatures it should have. Pure."""
    wanted = {name: text for name, text in data.items() if not name.startswith(PREFIX)}
    content = data.get(KUBECONFIG)
    if content is None:
        return wanted
    for secret in secrets:
        try:
            token = bootstrap_token.parse_secret(secret)
        except ValueError:
            continue
        if token.signs and not token.expired(now):
            wanted[PREFIX + token.id] = detached_signature(content, token.id, token.secret)
    return wanted


def detached_signature(content: str, token_id: str, secret: str) -> str:
    """A JWS in compact form whose middle part, the content, is left out."""
    header = _base64url(orjson.dumps({"alg": "HS256", "kid": token_id}))
    signed = f"{header}.{_base64url(content.encode())}".encode()
    return f"{header}..{_base64url(hmac.digest(secret.encode(), signed, hashlib.sha256))}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
