"""Where every live key stands: the part of compare-and-swap that all in-process stores share.

A write is decided here, at once and in order, before it is durable; `undo` takes decisions back, newest
first, when the commit that held them fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from steersman.store.base import CompareFailed

if TYPE_CHECKING:
    from collections.abc import Iterable


class Head(NamedTuple):
    """Revision of the last change and of the creation of a live key."""

    revision: int
    created: int


class Decision(NamedTuple):
    """An accepted write: its revision, the key's creation revision, and what to restore when it fails."""

    key: str
    revision: int
    created: int
    before: Head | None


class Heads:
    """The live keys and the next revision."""

    def __init__(self, revision: int = 1, heads: Iterable[tuple[str, int, int]] = ()) -> None:
        self.revision = revision
        self._heads = {key: Head(mod, created) for key, mod, created in heads}

    def put(self, key: str, expect: int | None) -> Decision:
        """Accept a write of a key. Raises: CompareFailed."""
        before = self._check(key, expect)
        self.revision = revision = self.revision + 1
        created = revision if before is None else before.created
        self._heads[key] = Head(revision, created)
        return Decision(key, revision, created, before)

    def delete(self, key: str, expect: int | None) -> Decision:
        """Accept a deletion. Raises: CompareFailed, also when the key is missing."""
        before = self._check(key, expect)
        if before is None:
            raise CompareFailed(key, expect or 0, 0)
        self.revision = revision = self.revision + 1
        del self._heads[key]
        return Decision(key, revision, before.created, before)

    def undo(self, decisions: Iterable[Decision]) -> None:
        """Take back decisions, given in the order they were made; they must be the newest ones."""
        for decision in reversed(list(decisions)):
            if decision.before is None:
                self._heads.pop(decision.key, None)
            else:
                self._heads[decision.key] = decision.before
            self.revision = decision.revision - 1

    def at(self, key: str, revision: int) -> bool:
        """Say whether a key is live and was last changed at a revision."""
        head = self._heads.get(key)
        return head is not None and head.revision == revision

    def __contains__(self, key: str) -> bool:
        return key in self._heads

    def __len__(self) -> int:
        return len(self._heads)

    def _check(self, key: str, expect: int | None) -> Head | None:
        before = self._heads.get(key)
        if expect is not None:
            current = 0 if before is None else before.revision
            if current != expect:
                raise CompareFailed(key, expect, current)
        return before
