"""Which objects a list or a watch wants: a namespace, a label selector, a field selector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api.fieldselector import FieldSelector
from steersman.api.labels import Selector

if TYPE_CHECKING:
    from steersman.apiserver.cache.item import CacheEvent, EventType, Item

EVERYTHING = Selector()
ANY_FIELDS = FieldSelector()


@dataclass(frozen=True, slots=True)
class Filter:
    """Equal filters select the same objects, so watchers that share one share the work."""

    namespace: str = ""
    labels: Selector = EVERYTHING
    fields: FieldSelector = ANY_FIELDS

    @property
    def simple(self) -> bool:
        """Nothing but the namespace decides."""
        return self.labels.empty and self.fields.empty

    def matches(self, item: Item) -> bool:
        """Say whether an object is selected."""
        if self.namespace and item.namespace != self.namespace:
            return False
        if not self.labels.empty and not self.labels.matches(item.record.labels):
            return False
        return self.fields.empty or self.fields.matches(_fields(item))

    def sees(self, event: CacheEvent) -> EventType | None:
        """Return what a change is to a watcher: an object that begins to match is added, one that ceases
        deleted."""
        if self.namespace and event.item.namespace != self.namespace:
            return None
        if self.simple:
            return event.type
        before = event.previous is not None and self.matches(event.previous)
        if event.type == "DELETED":
            return "DELETED" if before else None
        if self.matches(event.item):
            return "MODIFIED" if before else "ADDED"
        return "DELETED" if before else None


def _fields(item: Item) -> dict[str, str]:
    return {"metadata.name": item.name, "metadata.namespace": item.namespace, **item.record.fields}
