"""ControllerRevisions: the past templates of DaemonSets and StatefulSets, numbered, for `kubectl rollout`.

A revision's data is a strategic merge patch that puts the template back. Equal templates share a revision:
going back to an old one gives its revision the next number. Source: k8s pkg/controller/history.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import orjson

from steersman.api import kinds, meta
from steersman.api.errors import AlreadyExists, NotFound
from steersman.api.labels import selector_from_label_selector
from steersman.controllers import ownership

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from steersman.api.kinds import Resource
    from steersman.api.types import Object
    from steersman.client import Client, Informer

__all__ = ["HASH_LABEL", "History", "Revisions", "data_of", "plan_obsolete", "revision_hash"]

HASH_LABEL = "controller-revision-hash"
"""Label of pods and revisions: the revision's hash (DaemonSet) or name (StatefulSet)."""
_SAFE = "bcdfghjklmnpqrstvwxz2456789"


def data_of(owner: Object) -> Object:
    """The content of the revision of the owner's present template."""
    return {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}}


def revision_hash(data: Object, collisions: int) -> str:
    """A short stable name for a revision's content."""
    content = orjson.dumps(data, option=orjson.OPT_SORT_KEYS) + (b"%d" % collisions if collisions else b"")
    number = int.from_bytes(hashlib.blake2s(content, digest_size=4).digest(), "big")
    return "".join(_SAFE[ord(digit) % len(_SAFE)] for digit in str(number))


def plan_obsolete(revisions: Sequence[Object], live: Collection[str], limit: int) -> list[Object]:
    """Revisions beyond `limit` that no pod and no status refers to (`live`: their names), lowest first."""
    unused = [r for r in sorted(revisions, key=_number) if meta.name(r) not in live]
    return unused[: max(len(unused) - limit, 0)]


def _number(revision: Object) -> int:
    return int(revision.get("revision") or 0)


class Revisions(NamedTuple):
    all: list[Object]
    """By number, lowest first."""
    update: Object
    """That of the present template; the highest number."""
    current: Object
    """That which the status names as current, else `update`."""


class History:
    """Keeps the revisions of one kind of owner."""

    def __init__(self, client: Client, revisions: Informer, owner: Resource) -> None:
        self._client = client
        self._informer = revisions
        self._owner = owner
        ownership.index_by_controller(revisions)

    async def sync(self, owner: Object, current: str = "") -> Revisions:
        """Find or make the revision of the present template. `current`: name of the revision in the
        status."""
        selector = selector_from_label_selector(owner["spec"].get("selector"))
        found = await ownership.claim(self._client, self._informer, self._owner, owner, selector)
        found.sort(key=_number)
        data = data_of(owner)
        update = next((r for r in reversed(found) if r.get("data") == data), None)
        number = _number(found[-1]) if found else 0
        if update is None:
            update = await self._create(owner, data, number + 1)
            found.append(update)
        elif _number(update) < number:
            moved = await self._client.update(kinds.CONTROLLER_REVISIONS, update | {"revision": number + 1})
            found = [r for r in found if r is not update] + [moved]
            update = moved
        named = next((r for r in found if meta.name(r) == current), update)
        return Revisions(found, update, named)

    async def prune(self, revisions: Sequence[Object], live: Collection[str], limit: int) -> None:
        """Delete those that `plan_obsolete` names."""
        for each in plan_obsolete(revisions, live, limit):
            try:
                await self._client.delete(
                    kinds.CONTROLLER_REVISIONS, meta.name(each), meta.namespace(each), uid=meta.uid(each)
                )
            except NotFound:
                continue

    async def _create(self, owner: Object, data: Object, number: int) -> Object:
        collisions = (owner.get("status") or {}).get("collisionCount") or 0
        while True:
            hashed = revision_hash(data, collisions)
            labels = dict((owner["spec"]["template"].get("metadata") or {}).get("labels") or {})
            wanted = {
                "apiVersion": "apps/v1",
                "kind": "ControllerRevision",
                "metadata": {
                    "name": f"{meta.name(owner)}-{hashed}",
                    "namespace": meta.namespace(owner),
                    "labels": labels | {HASH_LABEL: hashed},
                    "annotations": meta.annotations(owner),
                    "ownerReferences": [meta.owner_reference(owner, self._owner)],
                },
                "data": data,
                "revision": number,
            }
            try:
                return await self._client.create(kinds.CONTROLLER_REVISIONS, wanted)
            except AlreadyExists:
                name, space = meta.name(wanted), meta.namespace(owner)
                present = await self._client.get(kinds.CONTROLLER_REVISIONS, name, space)
                if present.get("data") == data and meta.is_controlled_by(present, owner):
                    return present
                collisions += 1
