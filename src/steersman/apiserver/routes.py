"""Everything that is not a resource: version, health, metrics, discovery, OpenAPI; and the door to the
resources."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import orjson

from steersman.api.errors import MethodNotSupported, NotFound
from steersman.apiserver import discovery, health, metrics
from steersman.apiserver.authn.endpoints import issuer_of
from steersman.apiserver.handlers.dispatch import dispatch
from steersman.apiserver.http.values import Answer, Request, Response
from steersman.apiserver.openapi import openapi
from steersman.apiserver.version import version

if TYPE_CHECKING:
    from steersman.apiserver.api import API

Route = Callable[["API", Request], Awaitable[Answer]]


async def route(api: API, request: Request) -> Answer:
    """Answer any request. Raises: ApiError."""
    if api.aggregator.remotes:
        remote = api.aggregator.find(request.path)
        if remote is not None:
            from steersman.apiserver.aggregation.proxy import pass_on

            return await pass_on(api, remote, request)
    if request.info.is_resource:
        return await dispatch(api, request)
    first = request.path.strip("/").partition("/")[0]
    found = ROUTES.get(first)
    if found is None:
        raise NotFound.path()
    if request.method not in ("GET", "HEAD"):
        raise MethodNotSupported.path()
    return await found(api, request)


async def _version(api: API, request: Request) -> Answer:
    return Response(200, orjson.dumps(version(), option=orjson.OPT_INDENT_2))


async def _metrics(api: API, request: Request) -> Answer:
    body, content_type = metrics.exposition(api)
    return Response(200, body, content_type)


async def _openid(api: API, request: Request) -> Answer:
    issuer = issuer_of(api)
    if issuer is None:
        raise NotFound.path()
    if request.path == "/.well-known/openid-configuration":
        return Response(200, orjson.dumps(issuer.discovery()))
    if request.path == "/openid/v1/jwks":
        return Response(200, orjson.dumps(issuer.jwks()), "application/jwk-set+json")
    raise NotFound.path()


async def _index(api: API, request: Request) -> Answer:
    paths = sorted({*discovery.paths(api), *(f"/{name}" for name in ROUTES if name)})
    return Response(200, orjson.dumps({"paths": paths}, option=orjson.OPT_INDENT_2))


ROUTES: dict[str, Route] = {
    "": _index,
    "version": _version,
    "metrics": _metrics,
    "healthz": health.answer,
    "livez": health.answer,
    "readyz": health.answer,
    "api": discovery.legacy,
    "apis": discovery.groups,
    ".well-known": _openid,
    "openid": _openid,
    "openapi": openapi,
}
"""By the first element of the path."""
