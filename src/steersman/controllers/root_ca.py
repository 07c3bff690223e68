"""The ConfigMap kube-root-ca.crt of every namespace: what pods verify the API server with.

Source: k8s pkg/controller/certificates/rootcacertpublisher.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import AlreadyExists
from steersman.controllers.runtime import Controller

if TYPE_CHECKING:
    from steersman.api.types import Object

__all__ = ["RootCAController"]

_NAME = "kube-root-ca.crt"
_DESCRIPTION = "kubernetes.io/description"
_TEXT = (
    "Certificates to trust when a pod talks to the API server at its in-cluster addresses, such as "
    "kubernetes.default.svc. They vouch for nothing else."
)


class RootCAController(Controller):
    name = "root-ca-certificate-publisher-controller"
    source = "root-ca-cert-publisher"

    def setup(self) -> None:
        self.namespaces = self.informer(kinds.NAMESPACES)
        self.maps = self.informer(kinds.CONFIG_MAPS, field_selector=f"metadata.name={_NAME}")
        if self.config.root_ca:
            self.for_each(self.namespaces)
            self.maps.add_handler(lambda old, new: self.queue.add(meta.namespace(new or old or {})))

    async def reconcile(self, key: str) -> float | None:
        """Make sure the ConfigMap of one namespace (the key) holds the CA."""
        namespace = self.namespaces.get(key)
        if namespace is None or meta.deleting(namespace):
            return None
        data = {"ca.crt": self.config.root_ca.decode()}
        present = self.maps.get(_NAME, key)
        if present is None:
            await self._create(key, data)
        elif present.get("data") != data or meta.annotations(present).get(_DESCRIPTION) != _TEXT:
            notes = meta.annotations(present) | {_DESCRIPTION: _TEXT}
            changed = present | {"metadata": present["metadata"] | {"annotations": notes}, "data": data}
            self.writes.wrote(key, self.maps, await self.client.update(kinds.CONFIG_MAPS, changed))
        return None

    async def _create(self, key: str, data: dict[str, str]) -> None:
        metadata: Object = {"name": _NAME, "namespace": key, "annotations": {_DESCRIPTION: _TEXT}}
        try:
            made = await self.client.create(kinds.CONFIG_MAPS, {"metadata": metadata, "data": data})
        except AlreadyExists:
            return
        self.writes.wrote(key, self.maps, made)
