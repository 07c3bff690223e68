"""What a request's path and method ask for: group, version, namespace, resource, name, sub-resource, verb.

Source of the rules: Kubernetes API concepts, "Resource URIs" and "API verbs"; the legacy core group lives
under /api, all others under /apis; PUT, POST, PATCH, DELETE and GET map to the verbs authorisation knows, GET
and DELETE on a collection to list, watch and deletecollection.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

_VERBS = {
    "GET": "get",
    "HEAD": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})


@dataclass(slots=True)
class RequestInfo:
    """A request in the words of authorisation. For paths that are no resource only `verb` and `path`
    matter."""

    path: str
    verb: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    """What follows the sub-resource, without its leading slash (proxied paths)."""


@lru_cache(maxsize=2048)
def parse(method: str, path: str, *, watch: bool = False, field_name: str = "") -> RequestInfo:
    """Classify a decoded path; equal requests share one answer, which nobody changes. `watch` is the query
    flag; `field_name` a metadata.name field selector's value."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return RequestInfo(path, method.lower())
    info = RequestInfo(path, _VERBS.get(method, method.lower()), True, group, version)
    if rest[0] == "watch" and len(rest) > 1:
        watch, rest = True, rest[1:]
    rest = _namespace(info, rest)
    info.resource = rest[0] if rest else ""
    info.name = rest[1] if len(rest) > 1 else ""
    info.subresource = rest[2] if len(rest) > 2 else ""
    if len(rest) > 3:
        info.rest = "/".join(rest[3:]) + ("/" if path.endswith("/") else "")
    _collection_verbs(info, watch, field_name)
    return info


def _namespace(info: RequestInfo, rest: list[str]) -> list[str]:
    """Take namespaces/<ns> off the front; what is left names the resource."""
    if rest[0] != "namespaces" or len(rest) == 1:
        return rest
    info.namespace = rest[1]
    if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
        return rest[2:]
    return rest


def _collection_verbs(info: RequestInfo, watch: bool, field_name: str) -> None:
    if info.verb == "get" and not info.subresource and (watch or not info.name):
        info.verb = "watch" if watch else "list"
        if not info.name and field_name:
            info.name = field_name
    elif info.verb == "delete" and not info.name:
        info.verb = "deletecollection"
