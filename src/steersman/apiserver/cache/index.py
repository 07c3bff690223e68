"""The objects of one resource in the order of their keys, with indexes made when somebody first asks for
them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.apiserver.cache.filter import Filter
    from steersman.apiserver.cache.item import Item


class Objects:
    """Items by namespace and name; selection in key order.

    A selector with an equality on a label or a field makes an index on it, kept from then on.
    """

    def __init__(self) -> None:
        self._spaces: dict[str, dict[str, Item]] = {}
        self._names: dict[str, list[str]] = {}
        self._indexes: dict[tuple[str, str], dict[str, dict[str, Item]]] = {}
        self.count = 0

    def get(self, namespace: str, name: str) -> Item | None:
        """Return one item."""
        space = self._spaces.get(namespace)
        return None if space is None else space.get(name)

    def put(self, item: Item) -> Item | None:
        """Store an item, return the one it replaces."""
        space = self._spaces.get(item.namespace)
        if space is None:
            space = self._spaces[item.namespace] = {}
            self._names[item.namespace] = []
        before = space.get(item.name)
        space[item.name] = item
        if before is None:
            self.count += 1
            names = self._names[item.namespace]
            if names and names[-1] > item.name:
                insort(names, item.name)
            else:
                names.append(item.name)
        self._reindex(before, item)
        return before

    def remove(self, namespace: str, name: str) -> Item | None:
        """Drop an item and return it."""
        space = self._spaces.get(namespace)
        item = None if space is None else space.pop(name, None)
        if space is None or item is None:
            return None
        self.count -= 1
        names = self._names[namespace]
        del names[bisect_left(names, name)]
        if not space:
            del self._spaces[namespace], self._names[namespace]
        self._reindex(item, None)
        return item

    def count_in(self, namespace: str) -> int:
        """Count the items of a namespace, of all for ""."""
        return len(self._spaces.get(namespace, ())) if namespace else self.count

    def select(self, wanted: Filter, after: str = "") -> Iterator[Item]:
        """Yield what a filter selects in key order, beginning behind the key `after`."""
        candidates = self._candidates(wanted)
        if candidates is None:
            candidates = self._walk(wanted.namespace, after)
            if wanted.simple:
                return candidates
        elif after:
            candidates = (item for item in candidates if item.key > after)
        return (item for item in candidates if wanted.matches(item))

    def _walk(self, namespace: str, after: str) -> Iterator[Item]:
        spaces = [namespace] if namespace else sorted(self._spaces, key=_space_order)
        after_space, _, after_name = after.rpartition("/")
        for space in spaces:
            items = self._spaces.get(space)
            if items is None or (after and _space_order(space) < _space_order(after_space)):
                continue
            names = self._names[space]
            first = bisect_right(names, after_name) if after and space == after_space else 0
            yield from (
                map(items.__getitem__, names[first:]) if first else map(items.__getitem__, tuple(names))
            )

    def _candidates(self, wanted: Filter) -> Iterator[Item] | None:
        """Return the items one index narrows the filter down to, or None when there is nothing to narrow
        by."""
        if (name := wanted.fields.exact("metadata.name")) is not None:
            return self._named(wanted.namespace, name)
        best: dict[str, Item] | None = None
        for source, path, value in _equalities(wanted):
            found = self._index(source, path).get(value, {})
            if best is None or len(found) < len(best):
                best = found
        if best is None:
            return None
        return iter([best[key] for key in sorted(best)])

    def _named(self, namespace: str, name: str) -> Iterator[Item]:
        spaces = [namespace] if namespace else sorted(self._spaces, key=_space_order)
        return (item for space in spaces if (item := self.get(space, name)) is not None)

    def _index(self, source: str, path: str) -> dict[str, dict[str, Item]]:
        index = self._indexes.get((source, path))
        if index is None:
            index = self._indexes[source, path] = {}
            for space in self._spaces.values():
                for item in space.values():
                    if (value := _value(item, source, path)) is not None:
                        index.setdefault(value, {})[item.key] = item
        return index

    def _reindex(self, before: Item | None, after: Item | None) -> None:
        for (source, path), index in self._indexes.items():
            old = None if before is None else _value(before, source, path)
            new = None if after is None else _value(after, source, path)
            if before is not None and old is not None and old != new:
                bucket = index[old]
                bucket.pop(before.key, None)
                if not bucket:
                    del index[old]
            if after is not None and new is not None:
                index.setdefault(new, {})[after.key] = after


def _space_order(namespace: str) -> str:
    """Order namespaces as the keys that begin with them are ordered."""
    return namespace + "/"


def _value(item: Item, source: str, path: str) -> str | None:
    values = item.record.labels if source == "label" else item.record.fields
    return None if values is None else values.get(path)


def _equalities(wanted: Filter) -> Iterator[tuple[str, str, str]]:
    for requirement in wanted.labels.requirements:
        if requirement.operator in ("=", "in") and len(requirement.values) == 1:
            yield "label", requirement.key, requirement.values[0]
    for path in wanted.fields.fields:
        value = wanted.fields.exact(path)
        if value and path != "metadata.namespace":
            yield "field", path, value
