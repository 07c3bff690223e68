"""The table of what is served now: built-in resources from the start, custom ones as they come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver.registry import strategy_for
from steersman.apiserver.view import View, record_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.cache.hub import Hub
    from steersman.apiserver.cache.item import Record
    from steersman.apiserver.view import Conversion


class Views:
    """Views by group, version and plural."""

    def __init__(self, conversions: dict[Resource, Conversion]) -> None:
        self._views: dict[tuple[str, str, str], View] = {}
        self._conversions = conversions
        self.generation = 0
        """Grows with every change of the table: documents derived from it are made anew then."""

    def add(self, resource: Resource, hub: Hub) -> View:
        """Serve a resource, or serve it anew with another row."""
        view = View(resource, strategy_for(resource), hub.cache(resource), self._conversions.get(resource))
        self._views[resource.group, resource.version, resource.plural] = view
        self.generation += 1
        return view

    def put(self, view: View) -> None:
        """Serve a resource as the view has it, instead of what was there under its name."""
        resource = view.resource
        self._views[resource.group, resource.version, resource.plural] = view
        self.generation += 1

    def remove(self, resource: Resource) -> None:
        """Stop serving a resource."""
        if self._views.pop((resource.group, resource.version, resource.plural), None) is not None:
            self.generation += 1

    def find(self, group: str, version: str, plural: str) -> View | None:
        """Return the view a path names."""
        return self._views.get((group, version, plural))

    def of(self, resource: Resource) -> View:
        """Return the view of a row. Raises: KeyError when it is not served."""
        return self._views[resource.group, resource.version, resource.plural]

    def all(self) -> Iterator[View]:
        """Yield the views in the order they were added."""
        yield from self._views.values()

    def resources(self) -> Iterator[Resource]:
        """Yield the rows in the order they were added."""
        for view in self._views.values():
            yield view.resource


def stored_record(resource: Resource, obj: Object) -> Record:
    """Return the record of a stored object that this process has not written itself."""
    return record_of(strategy_for(resource), obj)
