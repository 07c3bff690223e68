"""The scale sub-resource: replicas of anything that has them, as an autoscaling/v1 Scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from steersman.api import schema
from steersman.api.errors import MethodNotSupported, NotFound
from steersman.apiserver.generic.update import update
from steersman.apiserver.handlers.body import check_type, media_type, parse, read_object
from steersman.apiserver.handlers.patch import APPLY_PATCH, MERGE_PATCH, patched
from steersman.apiserver.handlers.write import options_of
from steersman.apiserver.http.values import Response
from steersman.apiserver.registry import scale as built_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.types import Object
    from steersman.apiserver.generic.write import AdmittedForm
    from steersman.apiserver.handlers.target import Target

API_VERSION, KIND = "autoscaling/v1", "Scale"


async def scale(target: Target) -> Response:
    """Answer GET, PUT and PATCH on a built-in kind. Raises: ApiError."""
    return await answer(target, built_in)


async def answer(target: Target, form: AdmittedForm) -> Response:
    """Answer GET, PUT and PATCH on a kind that is scaled as `form` says. Raises: ApiError."""
    view, info = target.view, target.info
    if info.verb == "get":
        item = view.cache.objects.get(info.namespace, info.name)
        if item is None:
            raise NotFound.of(view.resource, info.name)
        return _shown(target, form, view.decode(item))
    if info.verb == "update":
        wanted = await read_object(target.request)
        check_type(wanted, API_VERSION, KIND)
        return await _write(target, form, lambda _scale: wanted)
    if info.verb == "patch":
        return await _patch(target, form)
    raise MethodNotSupported.path()


async def _patch(target: Target, form: AdmittedForm) -> Response:
    media = media_type(target.request)
    document = parse(await target.request.body(), yaml=media == APPLY_PATCH)
    kind = schema.schema_of("autoscaling", "v1", KIND)
    # An applied Scale states replicas and nothing else: merging it is applying it.
    change = patched(MERGE_PATCH if media == APPLY_PATCH else media, document, kind)
    return await _write(target, form, change)


async def _write(target: Target, form: AdmittedForm, change: Callable[[Object], Object]) -> Response:
    resource = target.view.resource
    write = target.write(options_of(target, "UpdateOptions"))
    write.strategy, write.form = target.view.strategy, form

    def rescale(obj: Object) -> Object:
        wanted = change(form.read(resource, obj))
        form.write(resource, obj, wanted)
        pinned = bool((wanted.get("metadata") or {}).get("resourceVersion"))
        write.retries = not pinned or target.info.verb == "patch"
        if not pinned:
            del obj["metadata"]["resourceVersion"]
        return obj

    item, _ = await update(write, rescale)
    return _shown(target, form, target.view.decode(item))


def _shown(target: Target, form: AdmittedForm, obj: Object) -> Response:
    return Response(200, orjson.dumps(form.read(target.view.resource, obj)))
