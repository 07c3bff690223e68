"""What one rule allows: matching a request, and whether a set of rules covers another (escalation). Pure.

Source: RBAC as documented under "Using RBAC Authorization", and the rules of its escalation check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object
    from steersman.apiserver.authz import Attributes

ALL = "*"


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One PolicyRule as sets. Either `resources` or `urls` is empty."""

    verbs: frozenset[str]
    groups: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str]
    urls: tuple[str, ...]

    def allows(self, attributes: Attributes) -> bool:
        if attributes.verb not in self.verbs and ALL not in self.verbs:
            return False
        if not attributes.is_resource:
            return any(_url_matches(url, attributes.path) for url in self.urls)
        return (
            (attributes.group in self.groups or ALL in self.groups)
            and self._resource_matches(attributes.resource, attributes.subresource)
            and (not self.names or attributes.name in self.names)
        )

    def _resource_matches(self, resource: str, subresource: str) -> bool:
        if ALL in self.resources:
            return True
        if not subresource:
            return resource in self.resources
        return f"{resource}/{subresource}" in self.resources or f"*/{subresource}" in self.resources


def compile_rule(rule: Object) -> CompiledRule:
    return CompiledRule(
        verbs=frozenset(rule.get("verbs") or ()),
        groups=frozenset(rule.get("apiGroups") or ()),
        resources=frozenset(rule.get("resources") or ()),
        names=frozenset(rule.get("resourceNames") or ()),
        urls=tuple(rule.get("nonResourceURLs") or ()),
    )


def compile_rules(rules: Iterable[Object] | None) -> tuple[CompiledRule, ...]:
    return tuple(compile_rule(rule) for rule in rules or ())


def _url_matches(pattern: str, path: str) -> bool:
    if pattern in (ALL, path):
        return True
    return pattern.endswith(ALL) and path.startswith(pattern[:-1])


def uncovered(owned: Iterable[CompiledRule], wanted: Iterable[Object]) -> list[Object]:
    """The parts of `wanted` that no single rule of `owned` covers; each part is a rule of one verb and one
    target."""
    owners = tuple(owned)
    return [part for rule in wanted for part in _parts(rule) if not any(_covers(own, part) for own in owners)]


def _parts(rule: Object) -> Iterable[Object]:
    verbs = rule.get("verbs") or ()
    names = rule.get("resourceNames") or ()
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in verbs:
                part = {"verbs": [verb], "apiGroups": [group], "resources": [resource]}
                if not names:
                    yield part
                for name in names:
                    yield {**part, "resourceNames": [name]}
    for url in rule.get("nonResourceURLs") or ():
        for verb in verbs:
            yield {"verbs": [verb], "nonResourceURLs": [url]}


def _covers(owner: CompiledRule, part: Object) -> bool:
    (verb,) = part["verbs"]
    if verb not in owner.verbs and ALL not in owner.verbs:
        return False
    if "nonResourceURLs" in part:
        (url,) = part["nonResourceURLs"]
        return any(_url_covers(own, url) for own in owner.urls)
    (group,), (resource,) = part["apiGroups"], part["resources"]
    return (
        (group in owner.groups or ALL in owner.groups)
        and _resource_covers(owner.resources, resource)
        and (not owner.names or (bool(part.get("resourceNames")) and part["resourceNames"][0] in owner.names))
    )


def _resource_covers(owned: frozenset[str], resource: str) -> bool:
    if ALL in owned or resource in owned:
        return True
    _, slash, subresource = resource.partition("/")
    return bool(slash) and f"*/{subresource}" in owned


def _url_covers(owned: str, url: str) -> bool:
    return _url_matches(owned, url)
