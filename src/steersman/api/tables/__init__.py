"""Printed tables: the columns and cells `kubectl get` shows.

`columns` and `row` are all the API server needs; `registered.TABLES` says which kinds have columns of their
own; the others show name and time of creation.  Custom resources bring a `Table` of `custom.custom_table`.

The tables themselves are loaded when the first one is printed: many servers never print any.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from steersman.api import kinds
from steersman.api.tables.columns import Table

if TYPE_CHECKING:
    from steersman.api.kinds import Resource
    from steersman.api.types import Object

__all__ = ["Table", "columns", "row", "row_conditions", "scale_table", "table_for"]


@cache
def table_for(resource: Resource) -> Table:
    """Return how a built-in kind is printed."""
    from steersman.api.tables.registered import OTHERS, TABLES

    found = TABLES.get(resource)
    if found is None and resource.level != "ga":
        found = TABLES.get(kinds.versions_of(resource)[0])
    return found or OTHERS


def scale_table() -> Table:
    """Return how the scale sub-resource is printed."""
    from steersman.api.tables.cluster import SCALES

    return SCALES


def columns(resource: Resource) -> list[Object]:
    """Return the column definitions; shared, not to be changed."""
    return list(table_for(resource).columns)


def row(resource: Resource, obj: Object, now: float) -> list[Any]:
    """Return the cells of one object; `now` in seconds since the epoch."""
    return table_for(resource).cells(obj, now)


def row_conditions(resource: Resource, obj: Object) -> list[Object]:
    """Return the conditions of a row; only finished pods have one."""
    if resource != kinds.PODS:
        return []
    from steersman.api.tables.pods import pod_conditions

    return pod_conditions(obj)
