"""The registry's knowledge of kinds: one strategy per resource.

`STRATEGIES` names the kinds that have anything special, each in `registry/<group>/<kind>.py`; every other
resource, custom ones included, gets the plain `Strategy`.  `strategy_for` is what the generic registry asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver.registry.strategy import AllocationError, Allocators, Context, Strategy

if TYPE_CHECKING:
    from steersman.api.kinds import Resource

__all__ = ["STRATEGIES", "AllocationError", "Allocators", "Context", "Strategy", "strategy_for"]

STRATEGIES: dict[Resource, type[Strategy]] = {}
"""Resource to the class that knows it."""

_MADE: dict[Resource, Strategy] = {}


def strategy_for(resource: Resource) -> Strategy:
    """Return the strategy of a resource; one instance for a built-in kind, a new one for a custom."""
    if resource.custom:
        return Strategy(resource, counts_generation=True)
    made = _MADE.get(resource)
    if made is None:
        made = _MADE[resource] = STRATEGIES.get(resource, Strategy)(resource)
    return made
