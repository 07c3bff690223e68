"""OpenAPI v2 with the paths of aggregated servers in it: fetched when somebody asks, let go right after.

(Version 3 has one document a group version; requests for those of remote ones are simply passed on.)
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import orjson

from steersman.api.errors import ServiceUnavailable
from steersman.apiserver.aggregation.aggregator import AGGREGATOR
from steersman.apiserver.aggregation.remote import fetch
from steersman.apiserver.streaming.http_request import ExchangeFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object
    from steersman.apiserver.aggregation.remote import Remote
    from steersman.apiserver.api import API

log = logging.getLogger("steersman.apiserver.aggregation")


async def with_remotes(api: API, document: bytes) -> bytes:
    """Return the document with those parts of the available remotes' documents that are theirs."""
    merged: Object = orjson.loads(document)
    for remote in tuple(api.aggregator.remotes.values()):
        if not remote.available:
            continue
        try:
            status, body = await fetch(api, remote, "/openapi/v2", AGGREGATOR)
            theirs = orjson.loads(body) if status == 200 else {}
        except (ServiceUnavailable, ExchangeFailed, OSError, ValueError) as error:
            log.info("OpenAPI of %s: %s", remote.name, error)
            continue
        if isinstance(theirs, dict):
            add(merged, theirs, own_prefixes(remote))
    return orjson.dumps(merged)


def own_prefixes(remote: Remote) -> tuple[str, ...]:
    """What the paths of a remote begin with."""
    return (f"/apis/{remote.group}/{remote.version}/",)


def add(merged: Object, theirs: Object, prefixes: Iterable[str]) -> None:
    """Add their paths below the prefixes, and the definitions these need that are not there yet. In place."""
    chosen = tuple(prefixes)
    paths = {path: item for path, item in (theirs.get("paths") or {}).items() if path.startswith(chosen)}
    merged.setdefault("paths", {}).update(paths)
    known, offered = merged.setdefault("definitions", {}), theirs.get("definitions") or {}
    waiting = list(_references(paths))
    while waiting:
        name = waiting.pop()
        if name not in known and name in offered:
            known[name] = offered[name]
            waiting.extend(_references(offered[name]))


def _references(value: object) -> Iterable[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref" and isinstance(item, str):
                yield item.removeprefix("#/definitions/")
            else:
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
