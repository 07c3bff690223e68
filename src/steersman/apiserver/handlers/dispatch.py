"""Which handler answers a request for a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.errors import MethodNotSupported, NotFound
from steersman.apiserver.admission.connect import CONNECTIONS, admit
from steersman.apiserver.handlers import read, watch, write
from steersman.apiserver.handlers.patch import patch
from steersman.apiserver.handlers.target import Target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from steersman.apiserver.api import API
    from steersman.apiserver.http.values import Answer, Request

VERBS: Mapping[str, Callable[[Target], Awaitable[Answer]]] = {
    "get": read.get,
    "list": read.list_,
    "watch": watch.watch,
    "create": write.create,
    "update": write.update,
    "patch": patch,
    "delete": write.delete,
    "deletecollection": write.delete_collection,
}

_READS = frozenset({"get", "list", "watch"})


async def dispatch(api: API, request: Request) -> Answer:
    """Answer a request whose path names a resource. Raises: ApiError."""
    info = request.info
    view = api.views.find(info.group, info.version, info.resource)
    if view is None:
        raise NotFound.path()
    resource = view.resource
    if info.namespace and not resource.namespaced and resource.plural != "namespaces":
        raise NotFound.path()
    verbs = resource.verbs
    if info.subresource:
        row = resource.subresource(info.subresource)
        if row is None:
            raise NotFound.path()
        verbs = row.verbs
    verb = info.verb
    if verb not in verbs:
        raise MethodNotSupported.path()
    if resource.namespaced and not info.namespace and verb not in ("list", "watch"):
        raise MethodNotSupported.path()
    if verb == "create" and not info.subresource and info.name:
        raise MethodNotSupported.path()
    if verb in ("update", "patch") and not info.name:
        raise MethodNotSupported.path()
    if api.store.shared and not _fresh_enough(request, api.store.revision):
        await api.store.catch_up()
    await view.cache.ready()
    if view.deprecation:
        request.warnings.append(view.deprecation)
    target = Target(api, request, info, view, view.strategy.for_subresource(info.subresource))
    endpoint = api.endpoints.get((resource.group, resource.plural, info.subresource))
    handle = endpoint.handle if endpoint is not None else view.endpoint(info.subresource)
    if handle is not None:
        if info.subresource in CONNECTIONS:
            await admit(target)
        return await handle(target)
    if info.subresource and target.strategy is None:
        raise NotFound.path()
    return await VERBS[verb](target)


def _fresh_enough(request: Request, revision: int) -> bool:
    """Say whether a read names a revision that this server has, "0" meaning any."""
    if request.info.verb not in _READS or not request.query.text:
        return False
    named = request.query.get("resourceVersion")
    return named.isdecimal() and int(named) <= revision
