"""FlowSchemas: the first one, by precedence and name, that matches a request says where it belongs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from steersman.api.types import Object
    from steersman.apiserver.authn import User
    from steersman.apiserver.http.request_info import RequestInfo

ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Schema:
    """A FlowSchema; `by` distinguishes its flows: "", ByUser or ByNamespace."""

    name: str
    uid: str
    level: str
    precedence: int
    by: str
    rules: tuple[Object, ...]

    def matches(self, info: RequestInfo, user: User) -> bool:
        """Say whether a request belongs to it."""
        return any(_rule_matches(rule, info, user) for rule in self.rules)

    def flow(self, info: RequestInfo, user: User) -> str:
        """Return which of its flows a request belongs to."""
        if self.by == "ByUser":
            return user.name
        return info.namespace if self.by == "ByNamespace" else ""


def schema_of(obj: Object) -> Schema:
    """Read a valid FlowSchema."""
    metadata, spec = obj["metadata"], obj["spec"]
    return Schema(
        metadata["name"],
        metadata.get("uid", ""),
        spec["priorityLevelConfiguration"]["name"],
        spec.get("matchingPrecedence", 1000),
        (spec.get("distinguisherMethod") or {}).get("type", ""),
        tuple(spec.get("rules") or ()),
    )


def ordered(schemas: Iterable[Schema], levels: Collection[str]) -> tuple[Schema, ...]:
    """Return the schemas whose level exists in the order in which they are asked."""
    known = (schema for schema in schemas if schema.level in levels)
    return tuple(sorted(known, key=lambda schema: (schema.precedence, schema.name)))


def _rule_matches(rule: Object, info: RequestInfo, user: User) -> bool:
    if not any(_subject_matches(subject, user) for subject in rule.get("subjects") or ()):
        return False
    if info.is_resource:
        return any(_resource_matches(one, info) for one in rule.get("resourceRules") or ())
    return any(_url_matches(one, info) for one in rule.get("nonResourceRules") or ())


def _subject_matches(subject: Object, user: User) -> bool:
    kind = subject["kind"]
    if kind == "User":
        return subject["user"]["name"] in ("*", user.name)
    if kind == "Group":
        name = subject["group"]["name"]
        return name == "*" or name in user.groups
    account = subject["serviceAccount"]
    if account["name"] == "*":
        return user.name.startswith(f"{ACCOUNT}{account['namespace']}:")
    return user.name == f"{ACCOUNT}{account['namespace']}:{account['name']}"


def _resource_matches(rule: Object, info: RequestInfo) -> bool:
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    there = _has(rule.get("namespaces"), info.namespace) if info.namespace else rule.get("clusterScope")
    return (
        bool(there)
        and _has(rule.get("verbs"), info.verb)
        and _has(rule.get("apiGroups"), info.group)
        and _has(rule.get("resources"), resource)
    )


def _url_matches(rule: Object, info: RequestInfo) -> bool:
    return _has(rule.get("verbs"), info.verb) and any(
        url in ("*", info.path) or (url.endswith("/*") and info.path.startswith(url[:-1]))
        for url in rule.get("nonResourceURLs") or ()
    )


def _has(values: Any, wanted: str) -> bool:
    return bool(values) and (wanted in values or "*" in values)
