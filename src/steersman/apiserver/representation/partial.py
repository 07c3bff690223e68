"""PartialObjectMetadata: metadata alone, for clients that want to know what there is (garbage collection)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from steersman.apiserver.representation import negotiate

if TYPE_CHECKING:
    from collections.abc import Hashable

    from steersman.api.types import Object
    from steersman.apiserver.cache.item import EventType, Item
    from steersman.apiserver.representation.page import Page
    from steersman.apiserver.view import View


def partial(view: View, item: Item, version: str = "v1") -> Object:
    """Return an item's metadata as a PartialObjectMetadata."""
    metadata = view.decode(item)["metadata"]
    return {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}", "metadata": metadata}


class PartialForm:
    """Objects, lists and events of PartialObjectMetadata."""

    content_type = negotiate.JSON

    def __init__(self, view: View, version: str) -> None:
        self._view, self._version = view, version

    @property
    def key(self) -> Hashable:
        return "partial", self._version, self._view.resource.api_version

    def object(self, item: Item) -> bytes:
        return orjson.dumps(partial(self._view, item, self._version))

    def list(self, page: Page) -> bytes:
        items = []
        for item in page.items:
            shown = partial(self._view, item, self._version)
            items.append(shown)
        return orjson.dumps(
            {
                "kind": "PartialObjectMetadataList",
                "apiVersion": f"meta.k8s.io/{self._version}",
                "metadata": page.metadata(),
                "items": items,
            }
        )

    def event(self, type: EventType, item: Item) -> bytes:
        shown = partial(self._view, item, self._version)
        return orjson.dumps({"type": type, "object": shown}) + b"\n"

    def bookmark(self, revision: int, *, initial_end: bool = False) -> bytes:
        from steersman.apiserver.representation.forms import bookmark

        typed = {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{self._version}"}
        return bookmark(typed, revision, initial_end)
