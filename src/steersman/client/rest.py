"""The REST client: verbs of the API as methods, objects as dicts, errors as `steersman.api.errors`.

One `Client` is one API server and one identity. It does not retry and does not cache (see `informer`): a
method is one request. Raises everywhere: the `ApiError` sub-class of the server's Status; `ConnectionFailed`
when there was no answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import orjson

from steersman.api.errors import ApiError
from steersman.client.transport import ConnectionFailed, HTTPTransport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from steersman.api.kinds import Resource
    from steersman.api.types import Object
    from steersman.client.transport import RawResponse, Transport

    Document = Object | list[Object]

__all__ = [
    "APPLY_PATCH",
    "JSON_PATCH",
    "MERGE_PATCH",
    "STRATEGIC_PATCH",
    "Client",
    "Response",
    "WatchEvent",
]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

_JSON = "application/json"
_METADATA = "application/json;as={};g=meta.k8s.io;v=v1,application/json"


class WatchEvent(NamedTuple):
    type: str
    """ADDED, MODIFIED, DELETED or BOOKMARK."""
    object: Object


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer of `Client.request`."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


class Client:
    """One API server, one identity. `timeout` (seconds) bounds every request except watches."""

    def __init__(
        self,
        transport: Transport,
        *,
        user_agent: str = "steersman",
        field_manager: str = "",
        timeout: float = 60.0,
        namespace: str = "default",
        in_flight: int = 32,
    ) -> None:
        """`in_flight`: requests at the same time, watches not counted; more would only cost handshakes."""
        self.transport = transport
        self.namespace = namespace
        """What the kubeconfig's context says; no method uses it by itself."""
        self._headers = {"Accept": _JSON, "User-Agent": user_agent}
        self._manager = field_manager
        self._timeout = timeout
        self._gate = asyncio.Semaphore(in_flight)

    @classmethod
    def from_kubeconfig(
        cls, path: str, *, context: str = "", user_agent: str = "steersman", field_manager: str = ""
    ) -> Client:
        """A client for one context of a kubeconfig file. Raises: kubeconfig.KubeConfigError."""
        from steersman.client import kubeconfig

        config = kubeconfig.load(path, context)
        transport = HTTPTransport(config.server, config.credentials)
        return cls(transport, user_agent=user_agent, field_manager=field_manager, namespace=config.namespace)

    async def aclose(self) -> None:
        await self.transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, subresource: str = ""
    ) -> Object:
        return await self._call("GET", resource.path(namespace, name, subresource))

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_: str = "",
        resource_version: str = "",
        metadata_only: bool = False,
    ) -> Object:
        """The whole List object. `resource_version="0"`: any state the server has at hand will do.

        Items carry kind and apiVersion. `metadata_only` asks for PartialObjectMetadata; a server that cannot
        do that sends whole objects.
        """
        query = _given(
            labelSelector=label_selector,
            fieldSelector=field_selector,
            limit=limit,
            resourceVersion=resource_version,
        )
        if continue_:
            query["continue"] = continue_
        accept = _METADATA.format("PartialObjectMetadataList") if metadata_only else _JSON
        listed = await self._call("GET", resource.path(namespace), query, headers={"Accept": accept})
        if not metadata_only:  # the items of typed lists carry no type
            for item in listed.get("items") or ():
                item.setdefault("apiVersion", resource.api_version)
                item.setdefault("kind", resource.kind)
        return listed

    async def create(
        self,
        resource: Resource,
        obj: Object,
        namespace: str | None = None,
        *,
        name: str = "",
        subresource: str = "",
        dry_run: bool = False,
    ) -> Object:
        """Create `obj`, or post it to the sub-resource of the object called `name` (binding, eviction,
        token)."""
        namespace = namespace or obj.get("metadata", {}).get("namespace")
        path = resource.path(namespace, name, subresource) if name else resource.path(namespace)
        query = _given(fieldManager=self._manager, dryRun="All" if dry_run else "")
        return await self._call("POST", path, query, body=_typed(resource, obj, subresource))

    async def update(self, resource: Resource, obj: Object, *, subresource: str = "") -> Object:
        """Replace the object; Conflict when its resourceVersion is not the latest."""
        meta = obj["metadata"]
        path = resource.path(meta.get("namespace"), meta["name"], subresource)
        body = _typed(resource, obj, subresource)
        return await self._call("PUT", path, _given(fieldManager=self._manager), body=body)

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Document,
        namespace: str | None = None,
        *,
        content_type: str = MERGE_PATCH,
        subresource: str = "",
        force: bool = False,
        dry_run: bool = False,
    ) -> Object:
        query = _given(
            fieldManager=self._manager, force="true" if force else "", dryRun="All" if dry_run else ""
        )
        path = resource.path(namespace, name, subresource)
        return await self._call("PATCH", path, query, body=patch, headers={"Content-Type": content_type})

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        grace_period_seconds: int | None = None,
        propagation_policy: str = "",
        uid: str = "",
        resource_version: str = "",
    ) -> Object:
        """Delete; `uid` and `resource_version` are preconditions (Conflict when they do not hold)."""
        options: Object = {}
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        if propagation_policy:
            options["propagationPolicy"] = propagation_policy
        preconditions = _given(uid=uid, resourceVersion=resource_version)
        if preconditions:
            options["preconditions"] = preconditions
        body = {"kind": "DeleteOptions", "apiVersion": "v1"} | options if options else None
        return await self._call("DELETE", resource.path(namespace, name), body=body)

    async def delete_collection(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        propagation_policy: str = "",
    ) -> Object:
        query = _given(labelSelector=label_selector, fieldSelector=field_selector)
        body = None
        if propagation_policy:
            body = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation_policy}
        return await self._call("DELETE", resource.path(namespace), query, body=body)

    async def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        timeout_seconds: int = 0,
        metadata_only: bool = False,
    ) -> AsyncGenerator[WatchEvent, None]:
        """Events after `resource_version`, bookmarks included, until the server ends the stream.

        Raises: Expired when the version is no longer kept; ConnectionFailed when the stream breaks. Close the
        iterator (`contextlib.aclosing`) to give the connection up early.
        """
        query = _given(
            labelSelector=label_selector,
            fieldSelector=field_selector,
            timeoutSeconds=timeout_seconds,
            resourceVersion=resource_version,
        )
        query |= {"watch": "true", "allowWatchBookmarks": "true"}
        accept = _METADATA.format("PartialObjectMetadata") if metadata_only else _JSON
        response = await self._send("GET", resource.path(namespace), query, None, {"Accept": accept})
        try:
            if response.status >= 400:
                raise _error(response.status, await response.read())
            async for line in _lines(response.chunks()):
                event = orjson.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError.from_status(event["object"], event["object"].get("code", 500))
                yield WatchEvent(event["type"], event["object"])
        finally:
            response.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | Object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """One raw request; an answer of 400 or more is returned, not raised."""
        content = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        try:
            async with self._gate, asyncio.timeout(self._timeout):
                response = await self._send(method, path, query or {}, content, headers or {})
                try:
                    return Response(response.status, response.headers, await response.read())
                finally:
                    response.close()
        except TimeoutError as error:
            raise ConnectionFailed(f"no answer to {method} {path} in {self._timeout:.0f} s") from error

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Document | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Object:
        content = None if body is None else orjson.dumps(body)
        answer = await self.request(method, path, query=query, body=content, headers=headers)
        if answer.status >= 400:
            raise _error(answer.status, answer.body)
        result = orjson.loads(answer.body)
        if not isinstance(result, dict):
            raise ConnectionFailed(f"the answer to {method} {path} is not an object")
        return result

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> RawResponse:
        sent = self._headers | dict(headers)
        if body is not None and "Content-Type" not in sent:
            sent["Content-Type"] = _JSON
        return await self.transport.request(method, path, query, sent, body)


def _given(**query: str | int) -> dict[str, str]:
    return {key: str(value) for key, value in query.items() if value}


def _typed(resource: Resource, obj: Object, subresource: str) -> Object:
    """The object with apiVersion and kind, which objects out of a list may lack."""
    if "kind" in obj or subresource not in ("", "status"):
        return obj
    return {"apiVersion": resource.api_version, "kind": resource.kind} | obj


def _error(status: int, body: bytes) -> ApiError:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict) or parsed.get("kind") != "Status":
        parsed = {"message": body[:1024].decode(errors="replace").strip()}
    return ApiError.from_status(parsed, status)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Cut a stream into its non-empty lines; an unfinished last line is dropped."""
    rest: list[bytes] = []
    async for chunk in chunks:
        *whole, tail = chunk.split(b"\n")
        for line in whole:
            if rest:
                rest.append(line)
                line = b"".join(rest)
                rest.clear()
            if line.strip():
                yield line
        if tail:
            rest.append(tail)
