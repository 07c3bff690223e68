"""POST, PUT, DELETE: requests that change objects, handed to the generic registry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from steersman.api.errors import ApiError, BadRequest
from steersman.apiserver.generic.create import create as create_object
from steersman.apiserver.generic.delete import delete as delete_object
from steersman.apiserver.generic.options import DeleteOptions, WriteOptions, delete_options, write_options
from steersman.apiserver.generic.pipeline import decode
from steersman.apiserver.generic.update import update as update_object
from steersman.apiserver.handlers.body import check_type, read_object, read_with_repeats
from steersman.apiserver.handlers.read import filter_of, find
from steersman.apiserver.http.values import Response

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.cache.item import Item
    from steersman.apiserver.handlers.target import Target

RETURNS_OBJECT = frozenset(
    {"namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes", "pods", "podtemplates"}
    | {"resourcequotas", "serviceaccounts", "services"}
)
"""Core resources whose DELETE answers with the object even when it is gone; all others answer with a
Status."""


def options_of(target: Target, kind: str) -> WriteOptions:
    """Read the options of this write. Raises: Invalid."""
    return write_options(target.request.query, kind, target.request.headers.get("User-Agent", ""))


async def create(target: Target) -> Response:
    """Answer POST on a collection."""
    write = target.write(options_of(target, "CreateOptions"))
    obj, repeats = await read_with_repeats(target.request)
    resource = target.view.resource
    check_type(obj, resource.api_version, resource.kind)
    obj = decode(write, obj, repeats)
    return target.answer(await create_object(write, obj), 201)


async def update(target: Target) -> Response:
    """Answer PUT on an object or on a sub-resource that is written like one."""
    write = target.write(options_of(target, "UpdateOptions"))
    given, repeats = await read_with_repeats(target.request)
    resource = target.view.resource
    check_type(given, resource.api_version, resource.kind)
    body = orjson.dumps(decode(write, given, repeats))

    def fresh(_old: Object | None = None) -> Object:
        """The request's object once more: attempts must not see each other's changes."""
        obj: Object = orjson.loads(body)
        return obj

    on_absent = fresh if _may_create(target) else None
    item, created = await update_object(write, fresh, on_absent=on_absent, pure=True)
    return target.answer(item, 201 if created else 200)


def _may_create(target: Target) -> bool:
    return (
        target.strategy is not None and not target.info.subresource and target.strategy.allow_create_on_update
    )


async def delete(target: Target) -> Response:
    """Answer DELETE on an object."""
    options = await _delete_options(target)
    item, gone = await delete_object(target.write(WriteOptions(dry_run=options.dry_run)), options)
    return _deleted(target, item, gone)


async def _delete_options(target: Target) -> DeleteOptions:
    data = await target.request.body()
    body = await read_object(target.request) if data.strip() else None
    if body is not None and body.get("kind", "DeleteOptions") != "DeleteOptions":
        raise BadRequest(f'unable to decode a DeleteOptions from a body of kind "{body.get("kind")}"')
    return delete_options(target.request.query, body)


def _deleted(target: Target, item: Item, gone: bool) -> Response:
    resource = target.view.resource
    if not gone or (not resource.group and resource.plural in RETURNS_OBJECT):
        return target.answer(item)
    details: Object = {"name": item.name, "kind": resource.plural, "uid": item.record.uid}
    if resource.group:
        details["group"] = resource.group
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return Response(200, orjson.dumps(status))


async def delete_collection(target: Target) -> Response:
    """Answer DELETE on a collection: every object that a list with this query would show, one by one."""
    form, options = target.form(), await _delete_options(target)
    page = await find(target, filter_of(target))
    deleted = []
    for item in page.items:
        write = target.write(WriteOptions(dry_run=options.dry_run), name=item.name)
        write.namespace = item.namespace
        try:
            deleted.append((await delete_object(write, options))[0])
        except ApiError as error:
            if error.code != 404:
                raise
    return Response(200, form.list(replace(page, items=deleted)), form.content_type)
