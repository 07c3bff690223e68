"""Who owns whom, by uid. Fed by informer handlers; answers what the garbage collector asks. No I/O."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from steersman.api import meta

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object
    from steersman.client import Informer

__all__ = ["FOREGROUND", "ORPHAN", "Graph", "Place", "waits_for_dependents", "waits_for_orphaning"]

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_CLUSTER = "-"  # the namespace of what has none: a name no namespace can have
_ABSENT_KEPT = 500  # uids known to be gone, as upstream's absent owner cache


class Place(NamedTuple):
    informer: Informer
    namespace: str
    name: str


def waits_for_dependents(obj: Object) -> bool:
    """It is being deleted in the foreground."""
    return meta.deleting(obj) and FOREGROUND in (obj["metadata"].get("finalizers") or ())


def waits_for_orphaning(obj: Object) -> bool:
    """It is being deleted, and its dependents are to be kept."""
    return meta.deleting(obj) and ORPHAN in (obj["metadata"].get("finalizers") or ())


def owner_uids(obj: Object | None) -> set[str]:
    if obj is None:
        return set()
    return {reference.get("uid", "") for reference in meta.owner_references(obj)}


class Graph:
    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._dependents: dict[str, set[str]] = {}
        self._absent: OrderedDict[tuple[str, str], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._places)

    def change(self, informer: Informer, old: Object | None, new: Object | None) -> set[str]:
        """Take in one change; returns the uids that need a look because of it."""
        before, after = owner_uids(old), owner_uids(new)
        some = new if new is not None else old
        assert some is not None
        uid = meta.uid(some)
        for owner in before - after:
            self._unlink(owner, uid)
        for owner in after - before:
            self._dependents.setdefault(owner, set()).add(uid)
        if new is None:
            self._places.pop(uid, None)
            self.note_absent(uid, meta.namespace(some))
            return set(self._dependents.get(uid, ())) | self._waiting(before)
        self._places[uid] = Place(informer, meta.namespace(new), meta.name(new))
        look = self._waiting(before - after)
        if after != before or (after and old is None):
            look.add(uid)
        if waits_for_dependents(new) and not (old is not None and waits_for_dependents(old)):
            look |= {uid, *self._dependents.get(uid, ())}
        if waits_for_orphaning(new) and not (old is not None and waits_for_orphaning(old)):
            look.add(uid)
        return look

    def find(self, uid: str) -> Object | None:
        """The object as its cache has it."""
        place = self._places.get(uid)
        return None if place is None else place.informer.get(place.name, place.namespace)

    def place(self, uid: str) -> Place | None:
        return self._places.get(uid)

    def dependents(self, uid: str) -> list[Object]:
        found = (self.find(each) for each in self._dependents.get(uid, ()))
        return [obj for obj in found if obj is not None]

    def note_absent(self, uid: str, namespace: str) -> None:
        """The server said, or a watch showed, that there is no such object in the namespace."""
        self._absent[uid, namespace or _CLUSTER] = None
        while len(self._absent) > _ABSENT_KEPT:
            self._absent.popitem(last=False)

    def is_absent(self, uid: str, namespace: str) -> bool:
        return (uid, namespace or _CLUSTER) in self._absent

    def drop(self, informer: Informer) -> None:
        """Forget all objects of a resource that is no longer served."""
        for uid in [uid for uid, place in self._places.items() if place.informer is informer]:
            obj = self.find(uid)
            for owner in owner_uids(obj):
                self._unlink(owner, uid)
            del self._places[uid]

    def _waiting(self, owners: Iterable[str]) -> set[str]:
        """Those of the owners that are being deleted in the foreground."""
        found = ((uid, self.find(uid)) for uid in owners)
        return {uid for uid, obj in found if obj is not None and waits_for_dependents(obj)}

    def _unlink(self, owner: str, uid: str) -> None:
        linked = self._dependents.get(owner)
        if linked is not None:
            linked.discard(uid)
            if not linked:
                del self._dependents[owner]
