"""Which writes a webhook or a policy is about: rules, scope, equivalent versions, selectors.

`Matcher` is compiled from a configuration and asked for every write; what depends on the resource alone is
remembered. Source: "Dynamic Admission Control", matching requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.api.errors import NotFound
from steersman.api.kinds import NAMESPACES
from steersman.api.labels import selector_from_label_selector
from steersman.apiserver.cache.hub import prefix

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steersman.api.labels import Selector
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes
    from steersman.apiserver.api import API
    from steersman.apiserver.view import View

EXEMPT_GROUP = "admissionregistration.k8s.io"
"""Configuration of admission itself is never subject to it: nobody can lock everybody out."""


def rule_matches(rule: Object, resource: Resource, subresource: str, operation: str) -> bool:
    """Whether one rule names a kind of write (its resourceNames apart)."""
    return (
        _in(rule.get("operations"), operation)
        and _in(rule.get("apiGroups"), resource.group)
        and _in(rule.get("apiVersions"), resource.version)
        and _scope_matches(rule.get("scope") or "*", resource)
        and any(_resource_matches(text, resource, subresource) for text in rule.get("resources") or ())
    )


def _in(values: Sequence[str] | None, wanted: str) -> bool:
    return bool(values) and ("*" in values or wanted in values)  # type: ignore[operator]


def _scope_matches(scope: str, resource: Resource) -> bool:
    if scope == "Namespaced":
        return resource.namespaced
    if scope == "Cluster":
        return not resource.namespaced
    return True


def _resource_matches(text: str, resource: Resource, subresource: str) -> bool:
    plural, _, below = text.partition("/")
    return plural in ("*", resource.plural) and (below == subresource or below == "*")


class Matcher:
    """The matching half of a webhook or of a policy's matchConstraints and matchResources."""

    def __init__(
        self,
        rules: Iterable[Object],
        *,
        excluded: Iterable[Object] = (),
        namespace_selector: Object | None = None,
        object_selector: Object | None = None,
        match_policy: str = "Equivalent",
        everything: bool = False,
    ) -> None:
        self._rules, self._excluded = tuple(rules), tuple(excluded)
        self._namespaces = _selector(namespace_selector)
        self._objects = _selector(object_selector)
        self._equivalent = match_policy != "Exact"
        self._everything = everything
        self._known: dict[tuple[Resource, str, str], tuple[View | None, tuple[Object, ...]]] = {}
        self._generation = -1

    async def match(self, api: API, attributes: Attributes) -> View | None:
        """Return the version a write is to be shown in; None when it is none of this one's business.

        Raises: NotFound when the namespace whose labels count is not there.
        """
        view, rules = self._by_rules(api, attributes)
        if view is None or not _named(rules, attributes) or self._is_excluded(view.resource, attributes):
            return None
        if self._objects is not None and not any(
            self._objects.matches(meta.labels(obj)) for obj in (attributes.obj, attributes.old) if obj
        ):
            return None
        if self._namespaces is not None and not await self._namespace_matches(api, attributes):
            return None
        return view

    def _by_rules(self, api: API, attributes: Attributes) -> tuple[View | None, tuple[Object, ...]]:
        if self._generation != api.views.generation:
            self._known.clear()
            self._generation = api.views.generation
        key = (attributes.resource, attributes.subresource, attributes.operation)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._find(api, *key)
        return found

    def _find(
        self, api: API, resource: Resource, subresource: str, operation: str
    ) -> tuple[View | None, tuple[Object, ...]]:
        own = api.views.of(resource)
        if resource.group == EXEMPT_GROUP:
            return None, ()
        if self._everything:
            return own, ()
        candidates = [own, *equivalents(api, own)] if self._equivalent else [own]
        for view in candidates:
            rules = tuple(
                rule for rule in self._rules if rule_matches(rule, view.resource, subresource, operation)
            )
            if rules:
                return view, rules
        return None, ()

    def _is_excluded(self, resource: Resource, attributes: Attributes) -> bool:
        place = (resource, attributes.subresource, attributes.operation)
        rules = tuple(rule for rule in self._excluded if rule_matches(rule, *place))
        return bool(rules) and _named(rules, attributes)

    async def _namespace_matches(self, api: API, attributes: Attributes) -> bool:
        assert self._namespaces is not None
        if attributes.resource == NAMESPACES:
            obj = attributes.obj if attributes.operation != "DELETE" else attributes.old
            return self._namespaces.matches(meta.labels(obj or {}))
        if not attributes.namespace:
            return True
        try:
            namespace = await api.look(NAMESPACES, attributes.namespace)
        except NotFound:  # just made, and the cache is a moment behind
            namespace = await api.get(NAMESPACES, attributes.namespace)
        return self._namespaces.matches(meta.labels(namespace))


def _selector(given: Object | None) -> Selector | None:
    """A selector that selects everything is none, so that nothing is looked up for it."""
    if not given:
        return None
    found = selector_from_label_selector(given)
    return None if found.empty else found


def _named(rules: tuple[Object, ...], attributes: Attributes) -> bool:
    """Whether some of the rules has no resourceNames or has this one's."""
    return not rules or any(
        not rule.get("resourceNames") or attributes.name in rule["resourceNames"] for rule in rules
    )


def equivalents(api: API, view: View) -> list[View]:
    """Other versions and groups under which the same objects are served."""
    where = prefix(view.resource)
    return [
        other
        for other in api.views.all()
        if other.resource != view.resource and prefix(other.resource) == where
    ]


async def converted(obj: Object | None, source: View, wanted: View) -> Object | None:
    """An object of one version in another; `obj` stays as it is, and so does what is of another kind (Scale).

    Raises: ApiError when a custom resource's conversion webhook fails.
    """
    if not isinstance(obj, dict) or source is wanted or obj.get("kind") not in (None, source.resource.kind):
        return obj
    if not isinstance(obj.get("metadata"), dict):
        return obj  # a patch left no object; whoever stores it says so
    own = source.resource
    return await wanted.adopt({**_copy(obj), "apiVersion": own.api_version, "kind": own.kind}, source)


def _copy(obj: Object) -> Object:
    import copy

    return copy.deepcopy(obj)
