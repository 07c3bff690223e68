"""List functions: isSorted, sum, min, max, indexOf, lastIndexOf; and the regular expressions of strings."""

from __future__ import annotations

import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from steersman.api.cel.functions.function import Function
from steersman.api.schema.structural import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

_ORDERED = ("int", "uint", "double", "bool", "string", "bytes", "timestamp", "duration")
_SUMMED = ("int", "uint", "double", "duration")


def _sum(values: list[Any]) -> Any:
    if values and isinstance(values[0], datetime.timedelta):
        return sum(values, datetime.timedelta())
    return sum(values)


def _extreme(name: str, choose: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
    def compute(values: list[Any]) -> Any:
        if not values:
            raise ValueError(f"{name} called on empty list")
        return choose(values)

    return compute


def _index(values: list[Any], wanted: Any) -> int:
    return next((index for index, value in enumerate(values) if value == wanted), -1)


def _last_index(values: list[Any], wanted: Any) -> int:
    return next((index for index in reversed(range(len(values))) if values[index] == wanted), -1)


def _find(text: str, pattern: str) -> str:
    match = compiled(pattern).search(text)
    return match.group() if match else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match.group() for match in compiled(pattern).finditer(text)]
    return found if limit < 0 else found[:limit]


LISTS = (
    Function(
        "isSorted",
        tuple(((f"list<{one}>",), "bool") for one in _ORDERED),
        lambda values: all(a <= b for a, b in pairwise(values)),
    ),
    Function("sum", tuple(((f"list<{one}>",), one) for one in _SUMMED), _sum),
    Function("min", tuple(((f"list<{one}>",), one) for one in _ORDERED), _extreme("min", min)),
    Function("max", tuple(((f"list<{one}>",), one) for one in _ORDERED), _extreme("max", max)),
    Function("indexOf", ((("list<dyn>", "dyn"), "int"),), _index, runtime=("list", "dyn")),
    Function("lastIndexOf", ((("list<dyn>", "dyn"), "int"),), _last_index, runtime=("list", "dyn")),
    Function("find", ((("string", "string"), "string"),), _find),
    Function("findAll", ((("string", "string"), "list<string>"),), _find_all),
    Function("findAll", ((("string", "string", "int"), "list<string>"),), _find_all),
)
