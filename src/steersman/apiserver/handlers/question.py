"""Requests that store nothing: a POST is a question, its answer the same object with `status` filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from steersman.apiserver.generic.pipeline import decode
from steersman.apiserver.handlers.body import check_type, read_with_repeats
from steersman.apiserver.handlers.write import options_of
from steersman.apiserver.http.values import Response

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.handlers.target import Target


async def read_question(target: Target) -> Object:
    """The body, of the right kind and form, with `metadata` and `spec`. Raises: ApiError."""
    obj, repeats = await read_with_repeats(target.request)
    resource = target.view.resource
    check_type(obj, resource.api_version, resource.kind)
    obj = decode(target.write(options_of(target, "CreateOptions")), obj, repeats)
    for part in ("metadata", "spec"):
        if obj.get(part) is None:
            obj[part] = {}
    return obj


def answered(obj: Object) -> Response:
    return Response(201, orjson.dumps(obj))
