"""Tables of custom resources, made from the printer columns of their definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from steersman.api.jsonpath import compile_path
from steersman.api.tables.columns import Table, age, column, name, since

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steersman.api.types import Object

_SCALARS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def custom_table(printer_columns: Sequence[Object] | None) -> Table:
    """Return the table of `additionalPrinterColumns`; without any: name and age.

    Raises: ValueError for a path that is not understood.
    """
    if not printer_columns:
        return Table(
            (column("Name", format_="name"), column("Age", "date")),
            lambda obj, now: [name(obj), age(obj, now)],
        )
    columns = [column("Name", format_="name"), *(_column(entry) for entry in printer_columns)]
    readers = [_reader(entry) for entry in printer_columns]

    def cells(obj: Object, now: float) -> list[Any]:
        return [name(obj), *(read(obj, now) for read in readers)]

    return Table(tuple(columns), cells)


def _column(entry: Object) -> Object:
    made = column(
        entry.get("name") or "",
        entry.get("type") or "string",
        format_=entry.get("format") or "",
        description=entry.get("description")
        or f"Custom resource definition column (in JSONPath format): {entry.get('jsonPath')}",
    )
    return made | {"priority": entry.get("priority") or 0}


def _reader(entry: Object) -> Callable[[Object, float], Any]:
    path, kind = compile_path(entry.get("jsonPath") or ""), entry.get("type") or "string"

    def read(obj: Object, now: float) -> Any:
        found = path.find(obj)
        if not found:
            return None
        if kind == "date":
            return since(found[0] if isinstance(found[0], str) else None, now, "<unknown>")
        if len(found) > 1:
            return ",".join(_text(value) for value in found)
        return _typed(found[0], kind)

    return read


def _typed(value: Any, kind: str) -> Any:
    if isinstance(value, bool) and kind != "boolean":
        return _text(value) if kind == "string" else None
    if isinstance(value, _SCALARS.get(kind, str)):
        return value
    return _text(value) if kind == "string" and value is not None else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
