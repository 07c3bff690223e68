"""Whether there is a path from an object to a node, out of the server's own caches.

The caches are the graph: pods are found by the index on their node, what a pod refers to is worked out once a
version and only when a node asks. So the graph costs nothing while pods come and go, is never behind, and a
known path is found again by one comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.errors import NotFound
from steersman.api.fieldselector import parse_field_selector
from steersman.api.kinds import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, VOLUME_ATTACHMENTS
from steersman.apiserver.authz.node.references import claim_of, pod_references, volume_secrets
from steersman.apiserver.cache.filter import Filter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.api import API
    from steersman.apiserver.authz.node.references import Reference
    from steersman.apiserver.cache.item import Item
    from steersman.apiserver.view import View

NODE_FIELD = "spec.nodeName"
MOST_KNOWN = 16_384
"""Pods and paths remembered, some hundred bytes each; all are dropped when there are more."""


class Graph:
    """See the module's text."""

    def __init__(self, api: API) -> None:
        self._api = api
        self._known: dict[str, tuple[Item, frozenset[Reference]]] = {}
        self._paths: dict[tuple[str, str, str, str], Item] = {}

    async def reaches(self, node: str, plural: str, namespace: str, name: str) -> bool:
        """Whether an object belongs to something on a node. `plural` is one of `RELATED` or "pods"."""
        view = self._api.views.of(PODS)
        if not view.cache.loaded:
            await view.cache.ready()
        path = (node, plural, namespace, name)
        through = self._paths.get(path)
        if through is not None and view.cache.objects.get(through.namespace, through.name) is through:
            return True
        if plural == "pods":
            item = view.cache.objects.get(namespace, name)
            return item is not None and item.record.fields.get(NODE_FIELD) == node
        if plural == "persistentvolumes":
            return await self._volume(node, name)
        if plural == "volumeattachments":
            attachment = await self._look(VOLUME_ATTACHMENTS, name)
            return attachment is not None and (attachment.get("spec") or {}).get("nodeName") == node
        if self._named_by_pod(view, path):
            return True
        return plural == "secrets" and await self._secret_of_volume(node, namespace, name)

    def _named_by_pod(self, view: View, path: tuple[str, str, str, str]) -> bool:
        node, plural, namespace, name = path
        wanted = (plural, name)
        for item in self._pods(view, node, namespace):
            if wanted in self._references(view, item):
                if len(self._paths) >= MOST_KNOWN:
                    self._paths.clear()
                self._paths[path] = item
                return True
        return False

    def _pods(self, view: View, node: str, namespace: str = "") -> Iterator[Item]:
        on_node = parse_field_selector(f"{NODE_FIELD}={node}")
        return view.cache.objects.select(Filter(namespace, fields=on_node))

    def _references(self, view: View, item: Item) -> frozenset[Reference]:
        known = self._known.get(item.key)
        if known is None or known[0] is not item:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[item.key] = (item, pod_references(view.decode(item)))
        return known[1]

    async def _volume(self, node: str, name: str) -> bool:
        volume = await self._look(PERSISTENT_VOLUMES, name)
        claim = claim_of(volume) if volume is not None else None
        return claim is not None and await self.reaches(node, "persistentvolumeclaims", *claim)

    async def _secret_of_volume(self, node: str, namespace: str, name: str) -> bool:
        """Whether a pod of the node uses a claim whose volume needs the secret."""
        view = self._api.views.of(PODS)
        for item in list(self._pods(view, node)):
            for plural, claim_name in self._references(view, item):
                if plural != "persistentvolumeclaims":
                    continue
                claim = await self._look(PERSISTENT_VOLUME_CLAIMS, claim_name, item.namespace)
                bound = (claim or {}).get("spec", {}).get("volumeName") or ""
                volume = await self._look(PERSISTENT_VOLUMES, bound) if bound else None
                if volume is None or claim_of(volume) != (item.namespace, claim_name):
                    continue
                if (namespace, name) in volume_secrets(volume):
                    return True
        return False

    async def _look(self, resource: Resource, name: str, namespace: str = "") -> Object | None:
        try:
            return await self._api.look(resource, name, namespace)
        except NotFound:
            return None
