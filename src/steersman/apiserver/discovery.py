"""Discovery: what is served, in the classic form (one document a group version) and the aggregated one (v2).

    /api      APIVersions          /apis           APIGroupList
    /api/v1   APIResourceList      /apis/apps      APIGroup
                                   /apis/apps/v1   APIResourceList

/api and /apis answer with everything at once to clients that accept the aggregated form,
`application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`.

Documents are made from the table of views on demand and kept until the table changes.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import orjson

from steersman.api.errors import NotFound
from steersman.api.kinds import discovery_order
from steersman.apiserver.http.values import Answer, Request, Response
from steersman.apiserver.representation.negotiate import choose, clauses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.api import API

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"


async def legacy(api: API, request: Request) -> Answer:
    """Answer /api and /api/<version>."""
    parts = request.path.strip("/").split("/")
    if len(parts) == 1:
        return _either(api, request, lambda: api_versions(api), core=True)
    if len(parts) == 2:
        return _document(api, request, "/".join(parts), lambda: resource_list(api, "", parts[1]))
    raise NotFound.path()


async def groups(api: API, request: Request) -> Answer:
    """Answer /apis, /apis/<group> and /apis/<group>/<version>."""
    parts = request.path.strip("/").split("/")
    if len(parts) == 1:
        return _either(api, request, lambda: group_list(api), core=False)
    if len(parts) == 2:
        return _document(api, request, "/".join(parts), lambda: one_group(api, parts[1]))
    if len(parts) == 3:
        return _document(api, request, "/".join(parts), lambda: resource_list(api, parts[1], parts[2]))
    raise NotFound.path()


def paths(api: API) -> Iterable[str]:
    """Yield the discovery paths, for the index."""
    yield from ("/api", "/apis")
    for group, versions in _order(api):
        if group:
            yield f"/apis/{group}"
        yield from (f"/apis/{group}/{version}" if group else f"/api/{version}" for version in versions)


def _order(api: API) -> list[tuple[str, list[str]]]:
    """Groups with their versions, those of aggregated servers included."""
    local = discovery_order(api.views.resources())
    remotes = api.aggregator.remotes
    if not remotes:
        return local
    from steersman.apiserver.aggregation.documents import merged_order

    return merged_order(local, remotes.values())


def _either(api: API, request: Request, classic: Callable[[], Object], *, core: bool) -> Response:
    version = _aggregated_version(request.headers.get("Accept", ""))
    if not version:
        return _document(api, request, f"classic {core}", classic)
    content_type = AGGREGATED.format(version)
    body = api.documents.get(
        f"aggregated {core} {version}", lambda: orjson.dumps(aggregated(api, core, version))
    )
    tag = f'"{hashlib.sha256(body).hexdigest().upper()}"'
    headers = {"ETag": tag, "Vary": "Accept"}
    if request.headers.get("If-None-Match") == tag:
        return Response(304, b"", content_type, headers)
    return Response(200, body, content_type, headers)


def _aggregated_version(accept: str) -> str:
    """Return the aggregated form's version when the client wants it before plain JSON, else ""."""
    for clause in clauses(accept):
        asked = clause.parameters
        if clause.media == "application/json" and asked.get("as") == "APIGroupDiscoveryList":
            version = asked.get("v", "")
            if asked.get("g") == "apidiscovery.k8s.io" and version in ("v2", "v2beta1"):
                return version
        elif clause.media in ("application/json", "*/*"):
            return ""
    return ""


def _document(api: API, request: Request, name: str, make: Callable[[], Object]) -> Response:
    form = choose(request.headers.get("Accept", ""))
    body = api.documents.get(name, lambda: orjson.dumps(make()))
    if form.media != "application/json":
        from steersman.apiserver.representation.forms import to_yaml

        body = to_yaml(body)
    return Response(200, body, form.media)


def api_versions(api: API) -> Object:
    """Return the APIVersions of the core group."""
    address = f"{api.advertised}:{api.port}"
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list(api: API) -> Object:
    """Return the APIGroupList of everything but the core group."""
    order = _order(api)
    listed = [_group(group, versions) for group, versions in order if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def one_group(api: API, name: str) -> Object:
    """Return one APIGroup. Raises: NotFound."""
    for group, versions in _order(api):
        if group == name:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)}
    raise NotFound.path()


def _group(group: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def _of(api: API, group: str, version: str) -> list[Resource]:
    found = [row for row in api.views.resources() if row.group == group and row.version == version]
    return sorted(found, key=lambda row: row.plural)


def resource_list(api: API, group: str, version: str) -> Object:
    """Return the APIResourceList of one group version. Raises: NotFound."""
    rows = _of(api, group, version)
    if not rows:
        raise NotFound.path()
    listed = [entry for row in rows for entry in _entries(row)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": listed,
    }


def _entries(row: Resource) -> Iterable[Object]:
    entry: Object = {
        "name": row.plural,
        "singularName": row.singular,
        "namespaced": row.namespaced,
        "kind": row.kind,
        "verbs": list(row.verbs),
    }
    if row.short_names:
        entry["shortNames"] = list(row.short_names)
    if row.categories:
        entry["categories"] = list(row.categories)
    if "list" in row.verbs and "create" in row.verbs:
        entry["storageVersionHash"] = _storage_hash(row)
    yield entry
    for sub in sorted(row.subresources, key=lambda sub: sub.name):
        below: Object = {
            "name": f"{row.plural}/{sub.name}",
            "singularName": "",
            "namespaced": row.namespaced,
            "kind": sub.kind,
            "verbs": list(sub.verbs),
        }
        if sub.version and (sub.group, sub.version) != (row.group, row.version):
            below = {"group": sub.group, "version": sub.version, **below}
        yield below


def _storage_hash(row: Resource) -> str:
    stored = f"{row.stored_group}/{row.stored_version}/{row.kind}"
    return base64.b64encode(hashlib.sha256(stored.encode()).digest()[:8]).decode()


def aggregated(api: API, core: bool, form: str) -> Object:
    """Return the APIGroupDiscoveryList of the core group or of all others."""
    items = []
    for group, versions in _order(api):
        if bool(group) == core:
            continue
        metadata: Object = {"name": group} if group else {}
        metadata["creationTimestamp"] = None
        listed = [_discovered_version(api, group, version) for version in versions]
        items.append({"metadata": metadata, "versions": listed})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{form}",
        "metadata": {},
        "items": items,
    }


def _discovered_version(api: API, group: str, version: str) -> Object:
    remote = api.aggregator.remotes.get((group, version))
    if remote is not None:
        from steersman.apiserver.aggregation.documents import discovered_version

        return discovered_version(remote)
    return {
        "version": version,
        "resources": [_discovered(row) for row in _of(api, group, version)],
        "freshness": "Current",
    }


def _discovered(row: Resource) -> Object:
    entry: Object = {
        "resource": row.plural,
        "responseKind": {"group": row.group, "version": row.version, "kind": row.kind},
        "scope": "Namespaced" if row.namespaced else "Cluster",
        "singularResource": row.singular,
        "verbs": list(row.verbs),
    }
    if row.short_names:
        entry["shortNames"] = list(row.short_names)
    if row.categories:
        entry["categories"] = list(row.categories)
    if row.subresources:
        entry["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": {
                    "group": sub.group if sub.version else row.group,
                    "version": sub.version or row.version,
                    "kind": sub.kind,
                },
                "verbs": list(sub.verbs),
            }
            for sub in sorted(row.subresources, key=lambda sub: sub.name)
        ]
    return entry
