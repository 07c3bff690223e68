"""Terms that speak of other pods: affinity, anti-affinity and spreading, parsed once and hashable.

Equal terms of different pods share one count (`counts.py`), which is what makes these rules cheap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api.labels import Requirement, Selector, selector_from_label_selector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from steersman.api.types import Object

    NamespaceLabels = Callable[[str], Mapping[str, str]]

__all__ = [
    "AffinityTerm",
    "PodMatch",
    "SpreadConstraint",
    "parse_affinity_terms",
    "parse_spread",
    "with_label_keys",
]


@dataclass(frozen=True, slots=True)
class PodMatch:
    """Which pods a term speaks of."""

    selector: Selector
    namespaces: frozenset[str]
    namespace_selector: Selector | None = None
    """Further namespaces, by their labels; None: no others."""

    def matches(self, namespace: str, labels: Mapping[str, str], namespace_labels: NamespaceLabels) -> bool:
        return self.in_scope(namespace, namespace_labels) and self.selector.matches(labels)

    def in_scope(self, namespace: str, namespace_labels: NamespaceLabels) -> bool:
        if namespace in self.namespaces:
            return True
        more = self.namespace_selector
        return more is not None and (more.empty or more.matches(namespace_labels(namespace)))

    def anchor(self) -> tuple[str, str] | None:
        """A label every matching pod has, by which the match can be found; None when there is none."""
        for requirement in self.selector.requirements:
            if requirement.operator in ("=", "in") and len(requirement.values) == 1:
                return requirement.key, requirement.values[0]
        return None


@dataclass(frozen=True, slots=True)
class AffinityTerm:
    topology_key: str
    match: PodMatch


@dataclass(frozen=True, slots=True)
class SpreadConstraint:
    topology_key: str
    match: PodMatch
    max_skew: int
    hard: bool
    """DoNotSchedule; otherwise ScheduleAnyway."""
    min_domains: int = 1
    honor_affinity: bool = True
    """Only nodes the pod's own node affinity allows are counted."""
    honor_taints: bool = False
    """Only nodes whose taints the pod tolerates are counted."""


def parse_affinity_terms(
    terms: list[Object] | None, namespace: str, labels: Mapping[str, str]
) -> tuple[AffinityTerm, ...]:
    """The PodAffinityTerms of a pod in `namespace` with `labels`. Raises: ValueError for a malformed
    selector."""
    return tuple(_affinity_term(term, namespace, labels) for term in terms or ())


def _affinity_term(term: Object, namespace: str, labels: Mapping[str, str]) -> AffinityTerm:
    selector = selector_from_label_selector(term.get("labelSelector"))
    selector = with_label_keys(selector, term.get("matchLabelKeys"), labels, "in")
    selector = with_label_keys(selector, term.get("mismatchLabelKeys"), labels, "notin")
    more = term.get("namespaceSelector")
    named = term.get("namespaces") or ()
    namespaces = frozenset(named) if named or more is not None else frozenset((namespace,))
    more_selector = None if more is None else selector_from_label_selector(more)
    return AffinityTerm(term["topologyKey"], PodMatch(selector, namespaces, more_selector))


def parse_spread(
    constraints: list[Object] | None, namespace: str, labels: Mapping[str, str]
) -> tuple[SpreadConstraint, ...]:
    """The topologySpreadConstraints of a pod. Raises: ValueError for a malformed selector."""
    return tuple(
        SpreadConstraint(
            topology_key=constraint["topologyKey"],
            match=PodMatch(
                with_label_keys(
                    selector_from_label_selector(constraint.get("labelSelector")),
                    constraint.get("matchLabelKeys"),
                    labels,
                    "in",
                ),
                frozenset((namespace,)),
            ),
            max_skew=constraint["maxSkew"],
            hard=constraint.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule",
            min_domains=constraint.get("minDomains") or 1,
            honor_affinity=constraint.get("nodeAffinityPolicy", "Honor") == "Honor",
            honor_taints=constraint.get("nodeTaintsPolicy", "Ignore") == "Honor",
        )
        for constraint in constraints or ()
    )


def with_label_keys(
    selector: Selector, keys: list[str] | None, labels: Mapping[str, str], operator: str
) -> Selector:
    """`selector` narrowed to pods that have (`in`) or have not (`notin`) the pod's own value of each key."""
    if not keys or selector.nothing:
        return selector
    extra = [
        Requirement(key, "in" if operator == "in" else "notin", (labels[key],))
        for key in keys
        if key in labels
    ]
    return Selector((*selector.requirements, *extra))
