"""Discovery of remote group versions in the forms this server's clients ask for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steersman.api.types import Object
    from steersman.apiserver.aggregation.remote import Remote


def merged_order(
    local: Sequence[tuple[str, list[str]]], remotes: Iterable[Remote]
) -> list[tuple[str, list[str]]]:
    """Groups with their versions: the local ones in their order, remote groups after them by priority."""
    order = {group: list(versions) for group, versions in local}
    ranked = sorted(
        remotes, key=lambda one: (-one.group_priority, one.group, -one.version_priority, one.version)
    )
    for remote in ranked:
        versions = order.setdefault(remote.group, [])
        if remote.version not in versions:
            versions.append(remote.version)
    return list(order.items())


def discovered_version(remote: Remote) -> Object:
    """A version of the aggregated form (APIVersionDiscovery)."""
    return {
        "version": remote.version,
        "resources": discovered_resources(remote),
        "freshness": "Current" if remote.available else "Stale",
    }


def discovered_resources(remote: Remote) -> list[Object]:
    """The resources of an APIResourceList in the aggregated form, sub-resources below their parents."""
    found: dict[str, Object] = {}
    below: list[Object] = []
    for one in remote.resources:
        if "/" in str(one.get("name", "")):
            below.append(one)
            continue
        entry: Object = {
            "resource": one.get("name", ""),
            "responseKind": _kind(remote, one),
            "scope": "Namespaced" if one.get("namespaced") else "Cluster",
            "singularResource": one.get("singularName", ""),
            "verbs": one.get("verbs") or [],
        }
        for name in ("shortNames", "categories"):
            if one.get(name):
                entry[name] = one[name]
        found[str(one.get("name", ""))] = entry
    for one in below:
        parent, _, name = str(one["name"]).partition("/")
        if parent in found:
            entry = {
                "subresource": name,
                "responseKind": _kind(remote, one),
                "verbs": one.get("verbs") or [],
            }
            found[parent].setdefault("subresources", []).append(entry)
    return list(found.values())


def _kind(remote: Remote, one: Object) -> Object:
    return {
        "group": one.get("group") or remote.group,
        "version": one.get("version") or remote.version,
        "kind": one.get("kind", ""),
    }
