"""Deletes bootstrap tokens whose time is over. Source: k8s pkg/controller/bootstrap/tokencleaner."""

from __future__ import annotations

from steersman.api import bootstrap_token, kinds, meta
from steersman.api.errors import NotFound
from steersman.controllers.runtime import Controller

__all__ = ["TokenCleanerController"]


class TokenCleanerController(Controller):
    name = "token-cleaner-controller"
    workers = 1

    def setup(self) -> None:
        self.secrets = self.informer(
            kinds.SECRETS,
            namespace=bootstrap_token.NAMESPACE,
            field_selector=f"type={bootstrap_token.SECRET_TYPE}",
        )
        self.for_each(self.secrets)

    async def reconcile(self, key: str) -> float | None:
        """Delete the Secret when its token has expired; else come back then."""
        space, _, name = key.rpartition("/")
        secret = self.secrets.get(name, space)
        if secret is None or meta.deleting(secret):
            return None
        end = bootstrap_token.expiration_of(secret)
        if end is None:
            return None
        left = end - self.clock.time()
        if left > 0:
            return left
        try:
            await self.client.delete(
                kinds.SECRETS,
                name,
                space,
                uid=meta.uid(secret),
                resource_version=secret["metadata"]["resourceVersion"],
            )
        except NotFound:
            return None
        self.writes.deleted(key, self.secrets, secret)
        return None
