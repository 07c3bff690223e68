"""The ServiceAccount `default` of every namespace: made with it, and made anew when deleted.

Source: k8s pkg/controller/serviceaccount.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import AlreadyExists
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from steersman.api.types import Object

__all__ = ["ServiceAccountController"]

_DEFAULT = "default"


class ServiceAccountController(Controller):
    name = "serviceaccount-controller"
    source = "service-account-controller"

    def setup(self) -> None:
        self.namespaces = self.informer(kinds.NAMESPACES)
        self.accounts = self.informer(kinds.SERVICE_ACCOUNTS, field_selector=f"metadata.name={_DEFAULT}")
        self.for_each(self.namespaces)
        self.accounts.add_handler(self._account_changed)

    def _account_changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and new is None:
            self.queue.add(meta.namespace(old))

    async def reconcile(self, key: str) -> float | None:
        """Make sure one namespace (the key) has its default ServiceAccount."""
        namespace = self.namespaces.get(key)
        if namespace is None or meta.deleting(namespace) or self.accounts.get(_DEFAULT, key) is not None:
            return None
        account = {"metadata": {"name": _DEFAULT, "namespace": key}}
        try:
            made = await self.client.create(kinds.SERVICE_ACCOUNTS, account)
        except AlreadyExists:
            return None
        self.writes.wrote(key, self.accounts, made)
        return None
