"""Documents derived from the table of what is served: made on demand, kept until the table changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.apiserver.views import Views


class Documents:
    """Encoded documents by name."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._generation = -1
        self._made: dict[str, bytes] = {}

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return a document, made by `make` the first time after a change; what `make` raises is passed
        on."""
        if self._generation != self._views.generation:
            self._made.clear()
            self._generation = self._views.generation
        found = self._made.get(name)
        if found is None:
            found = self._made[name] = make()
        return found
