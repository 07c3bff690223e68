"""OpenAPI v3: an index (`/openapi/v3`) and one document per group and version (`/openapi/v3/apis/apps/v1`).

The index gives each document's address with a hash in it, so that clients keep documents for ever. Hashes
come from what the documents are made of, so the index costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from steersman.api.kinds import discovery_order
from steersman.api.openapi.definitions import V3, CustomSchema, Definitions, definition_name
from steersman.api.openapi.encoding import Pieces, etag
from steersman.api.openapi.operations import path_items

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.resource import Resource
    from steersman.api.types import Object


def index(resources: Sequence[Resource], custom: Sequence[CustomSchema] = ()) -> Object:
    """The body of `/openapi/v3`."""
    paths: Object = {}
    for group, versions in discovery_order(resources):
        for version in versions:
            path = _place(group, version)
            tag = hash_of(group, version, resources, custom)
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={tag}"}
    return {"paths": paths}


def hash_of(
    group: str, version: str, resources: Sequence[Resource], custom: Sequence[CustomSchema] = ()
) -> str:
    """The hash of one document, made without building it."""
    return etag(_rows(group, version, resources), _customs(group, version, custom))


def document(
    group: str, version: str, resources: Sequence[Resource], custom: Sequence[CustomSchema] = ()
) -> bytes:
    """The encoded document of one group and version; empty bytes when nothing of it is served."""
    rows = _rows(group, version, resources)
    if not rows:
        return b""
    paths = Pieces(V3)
    for resource in rows:
        for path, item in path_items(resource, v3=True):
            paths.add(path, item)
    roots = {*paths.references, *(definition_name(row) for row in rows)}
    schemas = Definitions(V3, custom).closure(roots)
    head = orjson.dumps({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.37.0"}})
    return b"".join(
        (head[:-1], b',"paths":', paths.joined(), b',"components":{"schemas":', Pieces.join(schemas), b"}}")
    )


def _place(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _rows(group: str, version: str, resources: Sequence[Resource]) -> list[Resource]:
    return [row for row in resources if row.group == group and row.version == version]


def _customs(group: str, version: str, custom: Sequence[CustomSchema]) -> list[CustomSchema]:
    return [item for item in custom if item.resource.group == group and item.resource.version == version]
