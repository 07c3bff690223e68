"""GET of one object and LIST, from the watch cache.

A list is consistent at one revision. Pages after the first are pinned to the revision of the first by their
continue token: from the cache while nothing of the resource has changed since, else from the store's history;
when that is compacted the answer is 410 with a token that goes on at the present state. Source: Kubernetes
API concepts, "Resource versions" and "Retrieving large results sets in chunks".
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from steersman.api.errors import BadRequest, Expired, Invalid, NotFound, Timeout
from steersman.api.fieldselector import parse_field_selector
from steersman.api.labels import parse_selector
from steersman.apiserver.cache.filter import Filter
from steersman.apiserver.cache.hub import prefix
from steersman.apiserver.handlers import list_options
from steersman.apiserver.http.values import Response
from steersman.apiserver.representation.page import Page
from steersman.store.base import Compacted

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.cache.item import Item
    from steersman.apiserver.handlers.target import Target

STORE_PAGE = 500
"""Entries fetched at a time when a page has to be read from the store's history."""


async def get(target: Target) -> Response:
    """Answer with one object."""
    info, view = target.info, target.view
    item = view.cache.objects.get(info.namespace if view.resource.namespaced else "", info.name)
    if item is None:
        raise NotFound.of(view.resource, info.name)
    text = target.request.query.get("resourceVersion")
    if text not in ("", "0") and int_version(text) > view.cache.revision:
        raise _too_large(int_version(text), view.cache.revision)
    return target.answer(item)


async def list_(target: Target) -> Response:
    """Answer with a list."""
    form = target.form()
    page = await find(target, filter_of(target))
    return Response(200, form.list(page), form.content_type)


def filter_of(target: Target) -> Filter:
    """Read the selectors of a request. Raises: BadRequest."""
    query, info, resource = target.request.query, target.info, target.view.resource
    namespace = info.namespace if resource.namespaced else ""
    labels, fields = query.get("labelSelector"), query.get("fieldSelector")
    if info.name and "metadata.name" not in fields:  # a watch of one object by its path
        fields = ",".join(filter(None, (fields, f"metadata.name={info.name}")))
    if not labels and not fields:
        return Filter(namespace)
    try:
        wanted = Filter(namespace, parse_selector(labels), parse_field_selector(fields))
    except ValueError as error:
        raise BadRequest(str(error)) from None
    for path in wanted.fields.fields:
        if path not in target.view.strategy.field_names:
            raise BadRequest(_unknown_field(target, path))
    return wanted


def _unknown_field(target: Target, path: str) -> str:
    """Upstream's two texts: of kinds with fields of their own, and of all others."""
    if target.view.resource.custom or target.view.strategy.extra_fields:
        return f"field label not supported: {path}"
    return f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def int_version(text: str) -> int:
    """Parse a resourceVersion. Raises: Invalid."""
    if text.isdecimal():
        return int(text)
    raise Invalid(
        f"resourceVersion: Invalid value: {orjson.dumps(text).decode()}: strconv.ParseUint: parsing "
        f"{orjson.dumps(text).decode()}: invalid syntax"
    )


@dataclass(frozen=True, slots=True)
class Position:
    """Where a continue token goes on: behind `key`, at `revision` (-1: whatever is current)."""

    revision: int
    key: str

    def token(self) -> str:
        """Return the token."""
        text = orjson.dumps({"v": "meta.k8s.io/v1", "rv": self.revision, "start": self.key})
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()

    @classmethod
    def parse(cls, token: str) -> Position:
        """Read a token. Raises: BadRequest."""
        try:
            value = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            return cls(int(value["rv"]), str(value["start"]))
        except (ValueError, KeyError, TypeError):
            raise BadRequest("continue key is not valid: it was not given by this server") from None


async def find(target: Target, wanted: Filter) -> Page:
    """Return the page that a list request asks for. Raises: ApiError."""
    query, cache = target.request.query, target.view.cache
    limit = _limit(query.get("limit"))
    token, version = query.get("continue"), query.get("resourceVersion")
    list_options.check(query, watch=False)
    match = query.get(list_options.MATCH)
    if token:
        if version not in ("", "0"):
            raise BadRequest("specifying resource version is not allowed when using continue")
        return await _continued(target, wanted, limit, Position.parse(token))
    if version not in ("", "0"):
        revision = int_version(version)
        if revision > cache.revision:
            raise _too_large(revision, cache.revision)
        if match == "Exact" and cache.changed > revision:
            return await _from_history(target, wanted, limit, Position(revision, ""))
        if match == "Exact":
            return _from_cache(target, wanted, limit, "", revision)
    return _from_cache(target, wanted, limit, "", cache.revision)


def _limit(text: str) -> int:
    if not text:
        return 0
    try:
        limit = max(int(text), 0)
    except ValueError:
        raise BadRequest(f'limit: strconv.ParseInt: parsing "{text}": invalid syntax') from None
    if limit >= 1 << 63:
        raise BadRequest(f'limit: strconv.ParseInt: parsing "{text}": value out of range')
    return limit


async def _continued(target: Target, wanted: Filter, limit: int, position: Position) -> Page:
    cache = target.view.cache
    if position.revision > cache.revision:
        raise BadRequest("continue key is not valid: it names a revision that does not exist yet")
    if position.revision < 0:
        return _from_cache(target, wanted, limit, position.key, cache.revision)
    if cache.changed <= position.revision:
        return _from_cache(target, wanted, limit, position.key, position.revision)
    return await _from_history(target, wanted, limit, position)


def _from_cache(target: Target, wanted: Filter, limit: int, after: str, revision: int) -> Page:
    objects = target.view.cache.objects
    found = objects.select(wanted, after)
    if not limit:
        return Page(list(found), revision)
    items = list(islice(found, limit))
    more = next(found, None) is not None if len(items) == limit else False
    if not more:
        return Page(items, revision)
    remaining = None
    if wanted.simple:
        before = 0 if not after else _count_until(target, wanted, after)
        remaining = objects.count_in(wanted.namespace) - before - limit
    return Page(items, revision, Position(revision, items[-1].key).token(), remaining)


def _count_until(target: Target, wanted: Filter, after: str) -> int:
    """Count the selected objects up to and including a key."""
    objects = target.view.cache.objects
    behind = sum(1 for _ in objects.select(wanted, after))
    return objects.count_in(wanted.namespace) - behind


async def _from_history(target: Target, wanted: Filter, limit: int, position: Position) -> Page:
    """Read a page as of an older revision. Raises: Expired, with a token to go on with."""
    view = target.view
    where = prefix(view.resource)
    start = where + position.key + "\0" if position.key else ""
    inside = where + (wanted.namespace + "/" if wanted.namespace else "")
    items: list[Item] = []
    try:
        while True:
            page = await target.api.store.range(
                inside, start=start, limit=STORE_PAGE, revision=position.revision
            )
            fresh = [view.cache.item_of(entry) for entry in page.entries]
            items.extend(item for item in fresh if wanted.matches(item))
            if len(page.entries) < STORE_PAGE or (limit and len(items) > limit):
                break
            start = page.entries[-1].key + "\0"
    except Compacted:
        if not limit and not position.key:
            raise Expired("The resourceVersion for the provided list is too old.") from None
        raise _expired(position) from None
    if not limit or len(items) <= limit:
        return Page(items, position.revision)
    remaining = page.total - (len(page.entries) - (len(items) - limit)) if wanted.simple else None
    items = items[:limit]
    return Page(items, position.revision, Position(position.revision, items[-1].key).token(), remaining)


class ExpiredToken(Expired):
    """A token whose revision is compacted; its Status carries one that goes on at the present state."""

    def __init__(self, message: str, token: str) -> None:
        super().__init__(message)
        self._token = token

    def to_status(self) -> Object:
        """Return the Status with the new token."""
        return {**super().to_status(), "metadata": {"continue": self._token}}


def _expired(position: Position) -> Expired:
    return ExpiredToken(
        "The provided continue parameter is too old to display a consistent list result. You can start a new "
        "list without the continue parameter, or use the continue token in this response to retrieve the "
        "remainder of the results. Continuing with the provided token results in an inconsistent list - "
        "objects that were created, modified, or deleted between the time the first chunk was returned and "
        "now may show up in the list.",
        Position(-1, position.key).token(),
    )


def _too_large(revision: int, current: int) -> Timeout:
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return Timeout(
        f"Too large resource version: {revision}, current: {current}",
        {"retryAfterSeconds": 1, "causes": [cause]},
    )
