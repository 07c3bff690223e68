"""matchLabelKeys and mismatchLabelKeys: selectors that take values from the pod's own labels.

They are resolved once, on create, into the label selector beside them, so that the scheduler need not know
them.  Source: KEP-3633 (pod affinity), KEP-3243 (topology spread).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.types import Object

_RULES = "requiredDuringSchedulingIgnoredDuringExecution"
_WISHES = "preferredDuringSchedulingIgnoredDuringExecution"


def merge_match_label_keys(pod: Object) -> None:
    """Resolve the keys of every affinity term and spread constraint of `pod` in place."""
    spec = pod["spec"]
    if not spec.get("affinity") and not spec.get("topologySpreadConstraints"):
        return
    labels = pod["metadata"].get("labels") or {}
    for term in _terms(spec.get("affinity") or {}):
        _merge(term, labels, "matchLabelKeys", "In")
        _merge(term, labels, "mismatchLabelKeys", "NotIn")
    for constraint in spec.get("topologySpreadConstraints") or ():
        _merge(constraint, labels, "matchLabelKeys", "In")


def _terms(affinity: Object) -> Iterator[Object]:
    for kind in ("podAffinity", "podAntiAffinity"):
        found = affinity.get(kind) or {}
        yield from found.get(_RULES) or ()
        for weighted in found.get(_WISHES) or ():
            if weighted.get("podAffinityTerm"):
                yield weighted["podAffinityTerm"]


def _merge(term: Object, labels: Object, field: str, operator: str) -> None:
    selector = term.get("labelSelector")
    if selector is None:
        return
    for key in term.get(field) or ():
        if key in labels:
            expressions = selector.setdefault("matchExpressions", [])
            expressions.append({"key": key, "operator": operator, "values": [labels[key]]})
