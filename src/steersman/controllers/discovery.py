"""Which resources the API server serves now, built-in and custom: for those who work on every kind.

One request for each of /api and /apis where the server aggregates discovery, else one for each group
version. Of several versions of a group the preferred one is taken.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api.errors import ApiError
from steersman.api.kinds import Resource

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.client import Client

__all__ = ["Discovered", "discover"]

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


@dataclass(frozen=True, slots=True)
class Discovered:
    resources: tuple[Resource, ...]
    failed: tuple[str, ...]
    """Group versions that are announced and did not answer (an aggregated API that is down)."""


async def discover(client: Client) -> Discovered:
    """Raises: ApiError, ConnectionFailed when the server itself does not answer."""
    core, groups = await asyncio.gather(_root(client, "/api"), _root(client, "/apis"))
    resources: list[Resource] = []
    failed: list[str] = []
    pending: list[tuple[str, str]] = []
    for document in (core, groups):
        if document.get("kind") == "APIGroupDiscoveryList":
            _aggregated(document, resources, failed)
        elif "versions" in document:
            pending += [("", version) for version in document["versions"][:1]]
        else:
            for group in document.get("groups") or ():
                version = group.get("preferredVersion") or group["versions"][0]
                pending.append((group["name"], version["version"]))
    answers = await asyncio.gather(*(_group_version(client, *each) for each in pending))
    for (group_name, version_name), found in zip(pending, answers, strict=True):
        if found is None:
            failed.append(f"{group_name}/{version_name}")
        else:
            resources += found
    return Discovered(tuple(resources), tuple(failed))


async def _root(client: Client, path: str) -> Object:
    answer = await client.request("GET", path, headers={"Accept": _AGGREGATED})
    document: Object = answer.json() if answer.status < 400 else {}
    if answer.status >= 400:
        raise ApiError.from_status({"message": f"discovery of {path} failed"}, answer.status)
    return document


def _aggregated(document: Object, resources: list[Resource], failed: list[str]) -> None:
    for group in document.get("items") or ():
        name = group["metadata"].get("name") or ""
        for version in (group.get("versions") or ())[:1]:
            if version.get("freshness") == "Stale":
                failed.append(f"{name}/{version['version']}")
            for entry in version.get("resources") or ():
                kind = (entry.get("responseKind") or {}).get("kind") or ""
                namespaced = entry.get("scope") == "Namespaced"
                resources.append(
                    _resource(name, version["version"], kind, entry["resource"], namespaced, entry)
                )


async def _group_version(client: Client, group: str, version: str) -> list[Resource] | None:
    path = f"/apis/{group}/{version}" if group else f"/api/{version}"
    answer = await client.request("GET", path)
    if answer.status >= 400:
        return None
    return [
        _resource(group, version, entry["kind"], entry["name"], bool(entry.get("namespaced")), entry)
        for entry in answer.json().get("resources") or ()
        if "/" not in entry["name"]
    ]


def _resource(group: str, version: str, kind: str, plural: str, namespaced: bool, entry: Object) -> Resource:
    return Resource(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        singular=kind.lower(),
        namespaced=namespaced,
        verbs=tuple(entry.get("verbs") or ()),
    )
