"""What the watch cache holds: items and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

EventType = Literal["ADDED", "MODIFIED", "DELETED"]


class Record(NamedTuple):
    """What selectors and preconditions need of an object without decoding it."""

    uid: str
    labels: Mapping[str, str] | None
    fields: Mapping[str, str]
    """Selectable fields by path, without metadata.name and metadata.namespace."""


class Item(NamedTuple):
    """One object: its body (see `codec`) and where it stands."""

    namespace: str
    name: str
    body: bytes
    revision: int
    created: int
    record: Record

    @property
    def key(self) -> str:
        """`ns/name`, or the name of a cluster-scoped object; the order of lists."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class CacheEvent:
    """One change: `item` is the new state (on deletion the last one, at the deletion's revision)."""

    __slots__ = ("frames", "item", "previous", "revision", "type")

    def __init__(self, type: EventType, item: Item, previous: Item | None) -> None:
        self.type = type
        self.item = item
        self.previous = previous
        self.revision = item.revision
        self.frames: dict[object, bytes] = {}
        """Encodings already made, by representation and type; shared by all watchers."""
