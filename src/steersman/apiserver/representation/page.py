"""One answer to a list: its items and what its metadata says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.types import Object
    from steersman.apiserver.cache.item import Item


@dataclass(frozen=True, slots=True)
class Page:
    """Items in key order as of `revision`; `remaining` is None when it is not known."""

    items: Sequence[Item]
    revision: int
    continue_: str = ""
    remaining: int | None = None

    def metadata(self) -> Object:
        """Return the ListMeta."""
        metadata: Object = {"resourceVersion": str(self.revision)}
        if self.continue_:
            metadata["continue"] = self.continue_
            if self.remaining is not None:
                metadata["remainingItemCount"] = self.remaining
        return metadata
