"""Who controls what: finding an owner's objects, adopting orphans, releasing what no longer matches.

Source of the rules: k8s pkg/controller/controller_ref_manager.go. An object belongs to the controller its
owner reference names; one without controller whose labels match is adopted; one that is controlled but no
longer matches is released.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.api.errors import Invalid, NotFound
from steersman.client import STRATEGIC_PATCH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.kinds import Resource
    from steersman.api.labels import Selector
    from steersman.api.types import Object
    from steersman.client import Client, Informer

__all__ = ["Claims", "claim", "controlled", "index_by_controller", "plan_claims"]

_INDEX = "controller"


def index_by_controller(informer: Informer) -> None:
    """Prepare `controlled`: index by the uid of the controller, orphans by their namespace."""
    informer.add_index(_INDEX, _controller_keys)


def _controller_keys(obj: Object) -> Iterable[str]:
    reference = meta.controller_of(obj)
    return (reference["uid"],) if reference is not None else ("orphans/" + meta.namespace(obj),)


def controlled(informer: Informer, owner_uid: str) -> list[Object]:
    """The objects whose controller has this uid."""
    return informer.by_index(_INDEX, owner_uid)


def candidates(informer: Informer, owner: Object) -> list[Object]:
    """The objects the owner controls, and the orphans it might adopt."""
    orphans = informer.by_index(_INDEX, "orphans/" + meta.namespace(owner))
    return controlled(informer, meta.uid(owner)) + orphans


@dataclass(frozen=True, slots=True)
class Claims:
    keep: tuple[Object, ...]
    adopt: tuple[Object, ...]
    release: tuple[Object, ...]


def plan_claims(owner: Object, selector: Selector, objects: Iterable[Object]) -> Claims:
    """Sort objects of the owner's namespace into kept, to adopt and to release; the rest are somebody
    else's."""
    keep, adopt, release = [], [], []
    uid, gone = meta.uid(owner), meta.deleting(owner)
    for obj in objects:
        reference = meta.controller_of(obj)
        matches = selector.matches(meta.labels(obj))
        if reference is not None:
            if reference["uid"] != uid:
                continue
            if matches:
                keep.append(obj)
            elif not gone:
                release.append(obj)
        elif matches and not gone and not meta.deleting(obj):
            adopt.append(obj)
    return Claims(tuple(keep), tuple(adopt), tuple(release))


async def claim(
    client: Client,
    informer: Informer,
    owner_resource: Resource,
    owner: Object,
    selector: Selector,
) -> list[Object]:
    """Adopt and release as planned; returns the objects the owner controls now."""
    claims = plan_claims(owner, selector, candidates(informer, owner))
    owned = list(claims.keep)
    if claims.adopt and await _still_there(client, owner_resource, owner):
        adopted = await asyncio.gather(
            *(_adopt(client, informer.resource, owner_resource, owner, obj) for obj in claims.adopt)
        )
        owned += [obj for obj in adopted if obj is not None]
    await asyncio.gather(*(_release(client, informer.resource, owner, obj) for obj in claims.release))
    return owned


async def _still_there(client: Client, resource: Resource, owner: Object) -> bool:
    """Ask the server, not the cache: an owner that is being deleted must not adopt."""
    try:
        live = await client.get(resource, meta.name(owner), meta.namespace(owner))
    except NotFound:
        return False
    return meta.uid(live) == meta.uid(owner) and not meta.deleting(live)


async def _adopt(
    client: Client, resource: Resource, owner_resource: Resource, owner: Object, obj: Object
) -> Object | None:
    reference = meta.owner_reference(owner, owner_resource)
    patch = {"metadata": {"ownerReferences": [reference], "uid": meta.uid(obj)}}
    try:
        return await client.patch(
            resource, meta.name(obj), patch, meta.namespace(obj), content_type=STRATEGIC_PATCH
        )
    except (NotFound, Invalid):
        return None  # gone, or replaced by another of the same name


async def _release(client: Client, resource: Resource, owner: Object, obj: Object) -> None:
    gone = {"$patch": "delete", "uid": meta.uid(owner)}
    patch = {"metadata": {"ownerReferences": [gone], "uid": meta.uid(obj)}}
    try:
        await client.patch(resource, meta.name(obj), patch, meta.namespace(obj), content_type=STRATEGIC_PATCH)
    except (NotFound, Invalid):
        return  # gone, or no longer ours
