"""The audit policy: the first rule that matches a request says in what detail it is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steersman.runtime.program import CannotStart

if TYPE_CHECKING:
    from steersman.apiserver.authn import User
    from steersman.apiserver.http.request_info import RequestInfo

STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")


class Level(IntEnum):
    """How much of a request is recorded; each level has everything of the ones before it."""

    NONE = 0
    METADATA = 1
    REQUEST = 2
    REQUEST_RESPONSE = 3


LEVELS = {
    "None": Level.NONE,
    "Metadata": Level.METADATA,
    "Request": Level.REQUEST,
    "RequestResponse": Level.REQUEST_RESPONSE,
}


class PolicyError(CannotStart):
    """The policy file cannot be used; the text says where."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one request."""

    level: Level
    omit_stages: frozenset[str] = frozenset()
    omit_managed_fields: bool = False


@dataclass(frozen=True, slots=True)
class GroupResources:
    """Resources of one API group; empty tuples mean all."""

    group: str
    resources: tuple[str, ...]
    names: tuple[str, ...]

    def matches(self, info: RequestInfo) -> bool:
        """Say whether a request is for one of them."""
        if info.group != self.group:
            return False
        if not self.resources:
            return True
        if self.names and info.name not in self.names:
            return False
        return any(_names(pattern, info.resource, info.subresource) for pattern in self.resources)


def _names(pattern: str, resource: str, subresource: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith("*/"):
        return bool(subresource) and pattern[2:] == subresource
    if pattern.endswith("/*"):
        return pattern[:-2] == resource
    return pattern == (f"{resource}/{subresource}" if subresource else resource)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; empty tuples match everything."""

    decision: Decision
    users: tuple[str, ...]
    groups: tuple[str, ...]
    verbs: tuple[str, ...]
    resources: tuple[GroupResources, ...]
    namespaces: tuple[str, ...]
    urls: tuple[str, ...]

    def matches(self, info: RequestInfo, user: User) -> bool:
        """Say whether a request falls under this rule."""
        if self.users and user.name not in self.users:
            return False
        if self.groups and not any(group in self.groups for group in user.groups):
            return False
        if self.verbs and info.verb not in self.verbs:
            return False
        if self.namespaces or self.resources:
            return info.is_resource and self._matches_resource(info)
        if self.urls:
            return not info.is_resource and any(_covers(url, info.path) for url in self.urls)
        return True

    def _matches_resource(self, info: RequestInfo) -> bool:
        if self.namespaces and info.namespace not in self.namespaces:
            return False
        return not self.resources or any(one.matches(info) for one in self.resources)


def _covers(url: str, path: str) -> bool:
    return path.startswith(url[:-1]) if url.endswith("*") else path == url


@dataclass(frozen=True, slots=True)
class Policy:
    """All rules, in order."""

    rules: tuple[Rule, ...]

    def decide(self, info: RequestInfo, user: User) -> Decision:
        """Return what becomes of a request; what no rule names is not recorded."""
        for rule in self.rules:
            if rule.matches(info, user):
                return rule.decision
        return _NOTHING


_NOTHING = Decision(Level.NONE)


def load(path: str) -> Policy:
    """Read a policy file. Raises: PolicyError, OSError."""
    import yaml

    try:
        document = yaml.safe_load(Path(path).read_text())
    except yaml.YAMLError as error:
        raise PolicyError(f"{path} is not YAML: {error}") from None
    try:
        return parse(document)
    except PolicyError as error:
        raise PolicyError(f"{path}: {error}") from None


def parse(document: Any) -> Policy:
    """Make a policy of the decoded file. Raises: PolicyError."""
    if not isinstance(document, dict) or document.get("kind") != "Policy":
        raise PolicyError("it is not of kind Policy")
    if document.get("apiVersion") != "audit.k8s.io/v1":
        raise PolicyError(f"apiVersion {document.get('apiVersion')!r} is not audit.k8s.io/v1")
    rules = document.get("rules")
    if not isinstance(rules, list) or not rules:
        raise PolicyError("rules: at least one rule is needed")
    stages = _stages(document, "omitStages")
    omit = bool(document.get("omitManagedFields"))
    return Policy(tuple(_rule(rule, f"rules[{i}]", stages, omit) for i, rule in enumerate(rules)))


def _rule(rule: Any, where: str, stages: frozenset[str], omit: bool) -> Rule:
    if not isinstance(rule, dict):
        raise PolicyError(f"{where} is not an object")
    level = LEVELS.get(str(rule.get("level")))
    if level is None:
        raise PolicyError(f"{where}.level: {rule.get('level')!r} is not one of {', '.join(LEVELS)}")
    resources = tuple(
        _resources(one, f"{where}.resources[{i}]") for i, one in _items(rule, "resources", where)
    )
    urls = _texts(rule, "nonResourceURLs", where)
    namespaces = _texts(rule, "namespaces", where)
    if urls and (resources or namespaces):
        raise PolicyError(f"{where}.nonResourceURLs: rules cannot apply to both resources and URLs")
    for url in urls:
        if url != "*" and (not url.startswith("/") or "*" in url[:-1]):
            raise PolicyError(f"{where}.nonResourceURLs: {url!r} must begin with / and may end with *")
    given = rule.get("omitManagedFields")
    decision = Decision(
        level, stages | _stages(rule, f"{where}.omitStages"), omit if given is None else bool(given)
    )
    return Rule(
        decision,
        _texts(rule, "users", where),
        _texts(rule, "userGroups", where),
        _texts(rule, "verbs", where),
        resources,
        namespaces,
        urls,
    )


def _resources(value: Any, where: str) -> GroupResources:
    if not isinstance(value, dict):
        raise PolicyError(f"{where} is not an object")
    resources, names = _texts(value, "resources", where), _texts(value, "resourceNames", where)
    if names and not resources:
        raise PolicyError(f"{where}.resourceNames: needs resources")
    return GroupResources(str(value.get("group") or ""), resources, names)


def _stages(value: dict[str, Any], where: str) -> frozenset[str]:
    stages = frozenset(value.get("omitStages") or ())
    if unknown := stages - set(STAGES):
        raise PolicyError(f"{where}: {sorted(unknown)} are not among {', '.join(STAGES)}")
    return stages


def _items(value: dict[str, Any], name: str, where: str) -> list[tuple[int, Any]]:
    items = value.get(name) or []
    if not isinstance(items, list):
        raise PolicyError(f"{where}.{name} is not a list")
    return list(enumerate(items))


def _texts(value: dict[str, Any], name: str, where: str) -> tuple[str, ...]:
    return tuple(str(item) for _, item in _items(value, name, where))
