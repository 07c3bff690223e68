"""Tables: rows of printed cells, as `kubectl get` asks for them.

Columns and cells of a kind come from `api.tables`. `includeObject` decides what each row carries of its
object: its metadata (the default), all of it, or nothing. Ages are as of the moment of the request.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson

from steersman.api import tables
from steersman.api.errors import BadRequest
from steersman.apiserver.representation import negotiate

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from steersman.api.types import Object
    from steersman.apiserver.cache.item import EventType, Item
    from steersman.apiserver.representation.page import Page
    from steersman.apiserver.view import View


class TableForm:
    """Objects, lists and events as tables."""

    content_type = negotiate.JSON

    def __init__(self, view: View, version: str, include_object: str) -> None:
        if include_object not in ("", "Metadata", "Object", "None"):
            raise BadRequest(
                f'includeObject: Unsupported value: "{include_object}": '
                'supported values: "", "None", "Metadata", "Object"'
            )
        self._view, self._version = view, version
        self._include = include_object or "Metadata"

    @property
    def key(self) -> Hashable:
        return "table", self._version, self._include, self._view.resource.api_version

    def object(self, item: Item) -> bytes:
        return orjson.dumps(self._table((item,), {"resourceVersion": str(item.revision)}))

    def list(self, page: Page) -> bytes:
        return orjson.dumps(self._table(page.items, page.metadata()))

    def event(self, type: EventType, item: Item) -> bytes:
        table = self._table((item,), {"resourceVersion": str(item.revision)})
        return orjson.dumps({"type": type, "object": table}) + b"\n"

    def bookmark(self, revision: int, *, initial_end: bool = False) -> bytes:
        table = self._table((), {"resourceVersion": str(revision)})
        if initial_end:
            mark: Object = {"annotations": {"k8s.io/initial-events-end": "true"}}
            table["rows"] = [{"cells": [], "object": {"metadata": mark}}]
        return orjson.dumps({"type": "BOOKMARK", "object": table}) + b"\n"

    def _table(self, items: Sequence[Item], metadata: Object) -> Object:
        now = time.time()
        return {
            "kind": "Table",
            "apiVersion": f"meta.k8s.io/{self._version}",
            "metadata": metadata,
            "columnDefinitions": list(self._view.table.columns),
            "rows": [self._row(item, now) for item in items],
        }

    def _row(self, item: Item, now: float) -> Object:
        obj = self._view.decode(item)
        row: Object = {"cells": self._view.table.cells(obj, now)}
        conditions = tables.row_conditions(self._view.resource, obj)
        if conditions:
            row["conditions"] = conditions
        if self._include == "Object":
            row["object"] = obj
        elif self._include == "Metadata":
            row["object"] = {
                "kind": "PartialObjectMetadata",
                "apiVersion": f"meta.k8s.io/{self._version}",
                "metadata": obj["metadata"],
            }
        return row
