"""Whether a pod may be on a node at all: node name, node selector, required node affinity, taints. Pure.

For controllers that place pods themselves (DaemonSet). Source: k8s component-helpers scheduling/corev1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta
from steersman.api.labels import Selector, requirement
from steersman.controllers.taint_eviction import tolerates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from steersman.api.labels import Operator
    from steersman.api.types import Object

__all__ = ["matches_affinity", "untolerated"]

_OPERATORS: dict[str, Operator] = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "!",
    "Gt": "gt",
    "Lt": "lt",
}


def matches_affinity(spec: Object, node: Object) -> bool:
    """Whether the node satisfies `nodeName`, `nodeSelector` and required node affinity of a pod's spec."""
    if spec.get("nodeName") and spec["nodeName"] != meta.name(node):
        return False
    labels = meta.labels(node)
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(_matches_term(term, node) for term in required.get("nodeSelectorTerms") or ())


def _matches_term(term: Object, node: Object) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    named = {"metadata.name": meta.name(node)}
    return _matches(expressions, meta.labels(node)) and all(
        field["key"] in named and (named[field["key"]] in field["values"]) == (field["operator"] == "In")
        for field in fields
    )


def _matches(expressions: Iterable[Object], labels: Mapping[str, str]) -> bool:
    try:
        wanted = Selector(
            requirement(e["key"], _OPERATORS[e["operator"]], e.get("values") or ()) for e in expressions
        )
    except (ValueError, KeyError):
        return False  # what cannot be understood matches nothing
    return wanted.matches(labels)


def untolerated(
    tolerations: Sequence[Object], taints: Iterable[Object], effects: Iterable[str]
) -> Object | None:
    """The first taint of these effects that no toleration covers."""
    wanted = set(effects)
    for taint in taints:
        if taint["effect"] in wanted and not any(tolerates(each, taint) for each in tolerations):
            return taint
    return None
