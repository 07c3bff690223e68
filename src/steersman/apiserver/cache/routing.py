"""Which watch groups a change concerns, without asking every one of them.

A thousand kubelets watch the pods of their own node: a thousand groups of which a change concerns one or two.
Groups are kept by the narrowest thing they insist on (a field's value, an object's name, a namespace), and a
change visits the few places where groups that can see it are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from steersman.apiserver.cache.filter import Filter
    from steersman.apiserver.cache.groups import WatchGroup
    from steersman.apiserver.cache.item import CacheEvent

FEW = 8
"""Groups up to which all of them are asked."""
Place = tuple[str, ...]
EVERYTHING: Place = ("*",)


class Groups:
    """The watch groups of one cache, by what they watch and how it is shown."""

    def __init__(self) -> None:
        self._groups: dict[object, WatchGroup] = {}
        self._places: dict[Place, dict[object, WatchGroup]] = {}
        self._fields: dict[str, int] = {}
        """Fields that groups insist on, with the number of groups."""

    def join(self, key: object, wanted: Filter, group: WatchGroup) -> WatchGroup:
        """Take a group in, unless there is one of that key; returns the one there is now."""
        home = self._groups.setdefault(key, group)
        if home is group:
            place = place_of(wanted)
            self._places.setdefault(place, {})[key] = group
            if place[0] == "field":
                self._fields[place[1]] = self._fields.get(place[1], 0) + 1
        return home

    def leave(self, key: object, wanted: Filter, group: WatchGroup) -> None:
        """Take a group out; idempotent."""
        if self._groups.get(key) is not group:
            return
        del self._groups[key]
        place = place_of(wanted)
        there = self._places[place]
        del there[key]
        if not there:
            del self._places[place]
        if place[0] == "field":
            self._fields[place[1]] -= 1
            if not self._fields[place[1]]:
                del self._fields[place[1]]

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[WatchGroup]:
        return iter(tuple(self._groups.values()))

    def publish(self, events: Sequence[CacheEvent]) -> None:
        """Hand a commit's changes to every group that may see one of them."""
        if len(self._groups) <= FEW:
            for group in self:
                group.publish(events)
            return
        concerned: dict[WatchGroup, list[CacheEvent]] = {}
        for event in events:
            for place in self._visited(event):
                for group in self._places.get(place, {}).values():
                    concerned.setdefault(group, []).append(event)
        for group, some in concerned.items():
            group.publish(some)

    def _visited(self, event: CacheEvent) -> set[Place]:
        item, before = event.item, event.previous
        places: set[Place] = {EVERYTHING, ("name", item.name), ("namespace", item.namespace)}
        for field in self._fields:
            places.add(("field", field, item.record.fields.get(field, "")))
            if before is not None:
                places.add(("field", field, before.record.fields.get(field, "")))
        return places


def place_of(wanted: Filter) -> Place:
    """Return the narrowest place a filter can be kept at."""
    name = wanted.fields.exact("metadata.name")
    if name is not None:
        return ("name", name)
    for field in wanted.fields.fields:
        value = wanted.fields.exact(field)
        if value is not None and not field.startswith("metadata."):
            return ("field", field, value)
    return ("namespace", wanted.namespace) if wanted.namespace else EVERYTHING
