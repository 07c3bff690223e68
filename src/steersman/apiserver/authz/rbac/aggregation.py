"""Aggregated ClusterRoles: the rules of every role that an `aggregationRule` selects, in the order of their
names. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.labels import selector_from_label_selector

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steersman.api.types import Object


def aggregated_rules(role: Object, roles: Iterable[Object]) -> list[Object]:
    """The union, without duplicates; the role itself is never part of it."""
    selectors = [
        selector_from_label_selector(selector)
        for selector in role["aggregationRule"].get("clusterRoleSelectors") or ()
    ]
    result: list[Object] = []
    own = role["metadata"]["name"]
    for other in sorted(roles, key=lambda item: str(item["metadata"]["name"])):
        labels = other["metadata"].get("labels")
        if other["metadata"]["name"] == own or not any(selector.matches(labels) for selector in selectors):
            continue
        result += [rule for rule in other.get("rules") or () if rule not in result]
    return result


def plan_aggregation(roles: Mapping[str, Object]) -> dict[str, list[Object]]:
    """New rules by name for the aggregated roles whose rules are not what they should be."""
    changed: dict[str, list[Object]] = {}
    for name, role in roles.items():
        if not role.get("aggregationRule"):
            continue
        wanted = aggregated_rules(role, roles.values())
        if wanted != (role.get("rules") or []):
            changed[name] = wanted
    return changed
