"""What was asked, what was acknowledged and what was seen, and whether the three agree. Pure.

A write carries a token of its own, so that the history can be read back: a token that was acknowledged
stands at its revision, one that was refused nowhere, one whose answer was lost at most once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MARK = "mark"
"""The label value that every watch selects."""
Key = tuple[str, str]
"""Namespace and name."""


class Seen(NamedTuple):
    """One event of a watch; `token` and `label` are empty when the object carries none."""

    type: str
    key: Key
    revision: int
    token: str
    label: str
    uid: str


class Acknowledged(NamedTuple):
    """A write the server confirmed. `base`: the revision it was made upon, 0 when it named none.

    The answer to a deletion names the object's uid (here the `token`) and no revision.
    """

    verb: str
    key: Key
    revision: int
    token: str
    base: int


def seen(kind: str, obj: Any) -> Seen:
    """Reduce an event to what is compared."""
    meta = obj["metadata"]
    label = (meta.get("labels") or {}).get("half", "")
    token = (obj.get("data") or {}).get("token", "")
    return Seen(
        kind, (meta["namespace"], meta["name"]), int(meta["resourceVersion"]), token, label, meta["uid"]
    )


@dataclass
class Ledger:
    """Everything known so far about the writes."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def problems(self, history: Sequence[Seen]) -> list[str]:
        """Compare the acknowledgements with the whole history; says what is wrong, line by line."""
        found = list(ordered(history))
        at = {event.revision: event for event in history}
        tokens = Counter(event.token for event in history if event.type != "DELETED" and event.token)
        found += [f"{token} was written {count} times" for token, count in tokens.items() if count > 1]
        found += [f"{token} was refused, and written" for token in self.refused.intersection(tokens)]
        before = previous(history)
        deleted = {(event.key, event.uid) for event in history if event.type == "DELETED"}
        for write in self.acknowledged:
            event = at.get(write.revision)
            if write.verb == "delete":
                if (write.key, write.token) not in deleted:
                    found.append(f"lost: {write}")
            elif event is None or event.key != write.key:
                found.append(f"lost: {write}")
            elif event.type == "DELETED" or event.token != write.token:
                found.append(f"{write} has the content of another write: {event}")
            elif write.base and before[write.revision] != write.base:
                found.append(f"{write} went over revision {before[write.revision]}")
        return found


def ordered(history: Sequence[Seen]) -> Iterable[str]:
    """Say where revisions do not grow, or an event does not fit the state before it."""
    last, live = 0, dict[Key, str]()
    for event in history:
        if event.revision <= last:
            yield f"revision {event.revision} comes after {last}"
        if (event.key in live) != (event.type != "ADDED"):
            yield f"{event} of {'a live' if event.key in live else 'no'} object"
        if live.get(event.key, event.uid) != event.uid:
            yield f"{event} of another object than {live[event.key]}"
        last = event.revision
        if event.type == "DELETED":
            live.pop(event.key, None)
        else:
            live[event.key] = event.uid


def previous(history: Iterable[Seen]) -> dict[int, int]:
    """Return, for the revision of each change, that of the change of the same object before it."""
    last: dict[Key, int] = {}
    result = {}
    for event in history:
        result[event.revision] = last.get(event.key, 0)
        last[event.key] = event.revision
    return result


def selected(history: Iterable[Seen], namespace: str, label: str) -> list[tuple[str, Key, int]]:
    """Return what a watch of a namespace ("": all) and a label ("": any) shows of a history."""
    inside, result = set[Key](), []
    for event in history:
        if namespace and event.key[0] != namespace:
            continue
        before = event.key in inside
        now = event.type != "DELETED" and (not label or event.label in (label, MARK))
        (inside.add if now else inside.discard)(event.key)
        if before or now:
            kind = "DELETED" if not now else "MODIFIED" if before else "ADDED"
            result.append((kind, event.key, event.revision))
    return result


def state(history: Iterable[Seen]) -> dict[Key, tuple[int, str]]:
    """Return the objects there are at the end of a history: revision and token by key."""
    objects: dict[Key, tuple[int, str]] = {}
    for event in history:
        if event.type == "DELETED":
            objects.pop(event.key, None)
        else:
            objects[event.key] = (event.revision, event.token)
    return objects
