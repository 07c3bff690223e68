"""Tokens kept in Secrets: who makes a Secret of type kubernetes.io/service-account-token finds in it a token
that does not expire, the CA and the namespace. Such a Secret goes with its ServiceAccount.

Source: "Manually create a long-lived API token for a ServiceAccount" in the Kubernetes documentation; k8s
pkg/controller/serviceaccount/tokens_controller.go.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steersman.api import kinds, meta
from steersman.api.errors import NotFound
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from steersman.api.types import Object

__all__ = ["ServiceAccountTokenController"]

TYPE = "kubernetes.io/service-account-token"
_NAME = "kubernetes.io/service-account.name"
_UID = "kubernetes.io/service-account.uid"
_CLAIM = "kubernetes.io/serviceaccount"
_ISSUER = "kubernetes/serviceaccount"


class ServiceAccountTokenController(Controller):
    name = "serviceaccount-token-controller"

    def setup(self) -> None:
        self.secrets = self.informer(kinds.SECRETS, field_selector=f"type={TYPE}")
        self.accounts = self.informer(kinds.SERVICE_ACCOUNTS)
        if self.config.service_account_key_file:
            self.for_each(self.secrets)
            self.accounts.add_handler(self._account_changed)

    def _account_changed(self, old: Object | None, new: Object | None) -> None:
        account = new or old or {}
        for secret in self.secrets.list(meta.namespace(account)):
            if meta.annotations(secret).get(_NAME) == meta.name(account):
                self.queue.add(meta.key(secret))

    async def reconcile(self, key: str) -> float | None:
        """Fill one Secret, or delete it when its ServiceAccount is not there (any more)."""
        namespace, _, name = key.partition("/")
        secret = self.secrets.get(name, namespace)
        if secret is None or meta.deleting(secret):
            return None
        account = await self._account(secret)
        if account is None:
            version = secret["metadata"]["resourceVersion"]
            uid = meta.uid(secret)
            await self.client.delete(kinds.SECRETS, name, namespace, uid=uid, resource_version=version)
            return None
        filled = fill(secret, account, self.config.root_ca, self.signer)
        if filled is not None:
            self.writes.wrote(key, self.secrets, await self.client.update(kinds.SECRETS, filled))
        return None

    async def _account(self, secret: Object) -> Object | None:
        """The ServiceAccount that a Secret is for, as the server has it when the cache has none."""
        notes, namespace = meta.annotations(secret), meta.namespace(secret)
        account = self.accounts.get(notes[_NAME], namespace)
        if account is None:
            try:
                account = await self.client.get(kinds.SERVICE_ACCOUNTS, notes[_NAME], namespace)
            except NotFound:
                return None
        return account if notes.get(_UID) in (None, "", meta.uid(account)) else None

    @cached_property
    def signer(self) -> Signer:
        return Signer(Path(self.config.service_account_key_file).read_bytes())


class Signer:
    """Signs tokens with a private key in PEM."""

    def __init__(self, pem: bytes) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

        self._key: Any = serialization.load_pem_private_key(pem, None)
        self._algorithm = "RS256" if isinstance(self._key, RSAPrivateKey) else "ES256"
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._id = base64.urlsafe_b64encode(hashlib.sha256(public).digest()).rstrip(b"=").decode()

    def token(self, secret: Object, account: Object) -> str:
        """A token of an account that is good as long as it is kept in this Secret."""
        import jwt

        namespace, name = meta.namespace(account), meta.name(account)
        claims = {
            "iss": _ISSUER,
            f"{_CLAIM}/namespace": namespace,
            f"{_CLAIM}/secret.name": meta.name(secret),
            f"{_CLAIM}/service-account.name": name,
            f"{_CLAIM}/service-account.uid": meta.uid(account),
            "sub": f"system:serviceaccount:{namespace}:{name}",
        }
        return jwt.encode(claims, self._key, algorithm=self._algorithm, headers={"kid": self._id})


def fill(secret: Object, account: Object, root_ca: bytes, signer: Signer) -> Object | None:
    """The Secret with what it lacks; None when it lacks nothing."""
    data = dict(secret.get("data") or {})
    wanted = {"namespace": base64.b64encode(meta.namespace(secret).encode()).decode()}
    if root_ca:
        wanted["ca.crt"] = base64.b64encode(root_ca).decode()
    if not data.get("token"):
        wanted["token"] = base64.b64encode(signer.token(secret, account).encode()).decode()
    notes = meta.annotations(secret) | {_UID: meta.uid(account)}
    if data | wanted == data and notes == meta.annotations(secret):
        return None
    return secret | {"metadata": secret["metadata"] | {"annotations": notes}, "data": data | wanted}
