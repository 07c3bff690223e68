"""PATCH: JSON patch, merge patch, strategic merge patch and server-side apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api import schema
from steersman.api.errors import BadRequest, UnsupportedMediaType
from steersman.api.patch import json_patch, merge, strategic
from steersman.apiserver.generic.pipeline import decode
from steersman.apiserver.generic.update import update
from steersman.apiserver.handlers.body import media_type, parse
from steersman.apiserver.handlers.write import options_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.types import Object
    from steersman.apiserver.handlers.target import Target
    from steersman.apiserver.http.values import Response

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


async def patch(target: Target) -> Response:
    """Answer PATCH on an object or on a sub-resource that is written like one."""
    media = media_type(target.request)
    accepted = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)
    if media not in accepted or (media == STRATEGIC_PATCH and target.view.resource.custom):
        raise UnsupportedMediaType.of(accepted)
    document = parse(await target.request.body(), yaml=media == APPLY_PATCH)
    write = target.write(options_of(target, "PatchOptions"))
    change = _change(target, media, document)

    def changed(old: Object) -> Object:
        return decode(write, change(old))

    item, created = await update(write, changed)
    return target.answer(item, 201 if created else 200)


def _change(target: Target, media: str, document: Any) -> Callable[[Object], Object]:
    """Return the function from the current object to the patched one."""
    if media == JSON_PATCH:
        if not isinstance(document, list):
            raise BadRequest("a JSON patch must be a list of operations")
        return lambda old: json_patch.apply(old, document)
    if not isinstance(document, dict):
        raise BadRequest("the patch must be an object")
    if media == MERGE_PATCH:
        return lambda old: merge.apply(old, document)
    kind = schema.schema_for(target.view.resource)
    return lambda old: strategic.apply(old, document, kind)
