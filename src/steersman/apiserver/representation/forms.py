"""The forms objects are shown in: plain JSON by passing bytes on, and the ones that have to look inside.

A `Form` turns items into whole objects, lists and watch events. `form_for` gives the one a request asked for;
equal keys mean equal bytes, so watchers with equal keys share encodings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import orjson

from steersman.apiserver.representation import negotiate
from steersman.apiserver.representation.partial import PartialForm
from steersman.apiserver.representation.table import TableForm

if TYPE_CHECKING:
    from collections.abc import Hashable

    from steersman.api.types import Object
    from steersman.apiserver.cache.item import EventType, Item
    from steersman.apiserver.representation.page import Page
    from steersman.apiserver.view import View


class Form(Protocol):
    """One representation of one view."""

    content_type: str

    @property
    def key(self) -> Hashable: ...

    def object(self, item: Item) -> bytes:
        """Return one object."""
        ...

    def list(self, page: Page) -> bytes:
        """Return a list."""
        ...

    def event(self, type: EventType, item: Item) -> bytes:
        """Return one watch event, newline included."""
        ...

    def bookmark(self, revision: int, *, initial_end: bool = False) -> bytes:
        """Return a bookmark event."""
        ...


class JSONForm:
    """Plain JSON: stored bytes between a head and a tail."""

    content_type = negotiate.JSON

    def __init__(self, view: View) -> None:
        self._view = view
        self._head = view.head
        self._event = {
            type: b'{"type":"%b","object":' % type.encode() + view.head
            for type in ("ADDED", "MODIFIED", "DELETED")
        }

    @property
    def key(self) -> Hashable:
        return "json", self._view.resource.api_version

    def object(self, item: Item) -> bytes:
        return self._head + self._view.body(item)

    def list(self, page: Page) -> bytes:
        view = self._view
        if view.verbatim:
            bodies = [item.body for item in page.items]
        else:
            bodies = [view.body(item) for item in page.items]
        start = b'{"kind":"%b","apiVersion":"%b","metadata":%b,"items":[' % (
            view.resource.list_kind.encode(),
            view.resource.api_version.encode(),
            orjson.dumps(page.metadata()),
        )
        if not bodies:
            return start + b"]}"
        # Items of typed lists carry neither kind nor apiVersion; those of custom resources do.
        separator = view.head if view.resource.custom else b"{"
        bodies[0] = start + separator + bodies[0]
        bodies[-1] += b"]}"
        return (b"," + separator).join(bodies)

    def event(self, type: EventType, item: Item) -> bytes:
        return b"%b%b}\n" % (self._event[type], self._view.body(item))

    def bookmark(self, revision: int, *, initial_end: bool = False) -> bytes:
        resource = self._view.resource
        return bookmark({"kind": resource.kind, "apiVersion": resource.api_version}, revision, initial_end)


class YAMLForm(JSONForm):
    """YAML by way of JSON; not for watches."""

    content_type = negotiate.YAML

    @property
    def key(self) -> Hashable:
        return "yaml", self._view.resource.api_version

    def object(self, item: Item) -> bytes:
        return to_yaml(super().object(item))

    def list(self, page: Page) -> bytes:
        return to_yaml(super().list(page))


def bookmark(typed: Object, revision: int, initial_end: bool) -> bytes:
    """Return a bookmark event around an object that has only its type names."""
    metadata: Object = {"resourceVersion": str(revision), "creationTimestamp": None}
    if initial_end:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return orjson.dumps({"type": "BOOKMARK", "object": {**typed, "metadata": metadata}}) + b"\n"


def to_yaml(data: bytes) -> bytes:
    """Turn a JSON document into YAML, keys sorted."""
    import yaml

    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return yaml.dump(orjson.loads(data), Dumper=dumper, default_flow_style=False).encode()


def form_for(view: View, accept: str, include_object: str = "") -> Form:
    """Return the form an Accept header asks for. Raises: NotAcceptable, BadRequest."""
    choice = negotiate.choose(accept)
    if choice.transform == "Table":
        return TableForm(view, choice.version, include_object)
    if choice.transform:
        return PartialForm(view, choice.version)
    return YAMLForm(view) if choice.media == negotiate.YAML else JSONForm(view)
