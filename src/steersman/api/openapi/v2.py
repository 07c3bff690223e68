"""The OpenAPI v2 document (`/openapi/v2`): every served path and every definition in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from steersman.api.openapi.definitions import V2, CustomSchema, Definitions
from steersman.api.openapi.encoding import Pieces, etag
from steersman.api.openapi.operations import path_items

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steersman.api.resource import Resource


def document(resources: Sequence[Resource], custom: Sequence[CustomSchema] = ()) -> bytes:
    """The encoded document for the served resources; `custom` gives the schemas of those that are custom.

    Takes some tens of milliseconds and gives megabytes: build it when somebody asks and let it go.
    """
    paths = Pieces(V2)
    for resource in resources:
        for path, item in path_items(resource, v3=False):
            paths.add(path, item)
    definitions = Definitions(V2, custom).closure(paths.references)
    head = orjson.dumps({"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.37.0"}})
    return b"".join(
        (head[:-1], b',"paths":', paths.joined(), b',"definitions":', Pieces.join(definitions), b"}")
    )


def version(resources: Sequence[Resource], custom: Sequence[CustomSchema] = ()) -> str:
    """What changes whenever the document does, without building it: an entity tag."""
    return etag(resources, custom)
