"""/openapi/v2 and /openapi/v3: built when somebody asks, let go right after.

Clients cache: v2 by its ETag, v3 by the hash in the path of each document. The documents are megabytes and
asked for rarely, so the server keeps their hashes only.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import orjson

from steersman.api.errors import NotAcceptable, NotFound
from steersman.api.openapi.definitions import CustomSchema
from steersman.apiserver.apiextensions.view import CustomView
from steersman.apiserver.http.values import Answer, Request, Response
from steersman.apiserver.representation.negotiate import clauses

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.api import API

JSON = "application/json"
_READABLE = frozenset({JSON, "*/*", "application/*"})


def custom_schemas(api: API) -> list[CustomSchema]:
    """Return the custom resources served now with their schemas, taken apart for this call only."""
    return [
        CustomSchema(view.resource, orjson.loads(view.version.raw))
        for view in api.views.all()
        if isinstance(view, CustomView)
    ]


async def openapi(api: API, request: Request) -> Answer:
    """Answer everything below /openapi. Raises: NotFound, NotAcceptable."""
    version, _, rest = request.path.strip("/").removeprefix("openapi").strip("/").partition("/")
    if version == "v2" and not rest:
        return await _version_two(api, request)
    if version == "v3":
        remote = api.aggregator.find(f"/{rest}") if api.aggregator.remotes else None
        if remote is not None:
            from steersman.apiserver.aggregation.proxy import pass_on

            return await pass_on(api, remote, request)
        return _version_three(api, request, rest)
    raise NotFound.path()


async def _version_two(api: API, request: Request) -> Response:
    from steersman.api.openapi import protobuf, v2

    accept = request.headers.get("Accept", "")
    offers = [clause.media for clause in clauses(accept)]
    chosen = next((media for media in offers if media in _READABLE or media in protobuf.MEDIA_TYPES), "")
    if accept and not chosen:
        raise NotAcceptable.of((JSON, protobuf.MEDIA_TYPES[0]))
    resources, custom = list(api.views.resources()), custom_schemas(api)
    remote = any(one.available for one in api.aggregator.remotes.values())
    document = await _with_remotes(api, v2.document(resources, custom)) if remote else b""
    tag = hashlib.sha256(document).hexdigest() if remote else v2.version(resources, custom)
    headers = {"ETag": f'"{tag}"', "Vary": "Accept"}
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return Response(304, b"", JSON, headers)
    document = document or v2.document(resources, custom)
    if chosen in protobuf.MEDIA_TYPES:
        return Response(200, protobuf.encode(orjson.loads(document)), protobuf.MEDIA_TYPES[0], headers)
    return Response(200, document, JSON, headers)


async def _with_remotes(api: API, document: bytes) -> bytes:
    from steersman.apiserver.aggregation.openapi import with_remotes

    return await with_remotes(api, document)


def _index(api: API, index: Object) -> Object:
    """The index with the documents of aggregated servers."""
    for remote in api.aggregator.remotes.values():
        index["paths"].update(remote.openapi)
    return index


def _version_three(api: API, request: Request, rest: str) -> Response:
    from steersman.api.openapi import v3

    resources, custom = list(api.views.resources()), custom_schemas(api)
    if not rest:
        body = api.documents.get("openapi v3", lambda: orjson.dumps(_index(api, v3.index(resources, custom))))
        return Response(200, body, JSON)
    root, _, place = rest.partition("/")
    group, _, version = place.rpartition("/")
    if root not in ("api", "apis") or (root == "api") != (not group):
        raise NotFound.path()
    known = v3.hash_of(group, version, resources, custom)
    asked = request.query.get("hash")
    headers = {"ETag": f'"{known}"', "Vary": "Accept"}
    if asked and asked == known:
        headers["Cache-Control"] = "public, immutable"
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return Response(304, b"", JSON, headers)
    body = v3.document(group, version, resources, custom)
    if not body:
        raise NotFound.path()
    return Response(200, body, JSON, headers)
