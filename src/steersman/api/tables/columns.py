"""The shape of a printed table: columns, cells, and the small formats many cells share.

A cell is a JSON value: numbers and booleans stay what they are, everything else is text.  Columns of priority
1 are shown only in wide output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steersman.api.labels import selector_from_label_selector
from steersman.api.times import human_duration, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from steersman.api.types import Object

NONE, UNSET, UNKNOWN = "<none>", "<unset>", "<unknown>"

_DESCRIPTIONS = {
    "Name": "Name of the object, unique within its namespace and kind.",
    "Age": "Time since the object was created.",
    "Created At": "Time at which the object was created, in UTC.",
    "Ready": "How many are ready, of how many are wanted.",
    "Status": "The state of the object in one word.",
    "Containers": "Names of the containers of each pod.",
    "Images": "Images of the containers of each pod.",
    "Selector": "Labels by which pods are selected.",
    "Restarts": "How often containers were restarted, and when last.",
    "Node": "Name of the node.",
    "IP": "Address of the pod.",
    "Port(s)": "Ports, with their node ports and protocols.",
}


@dataclass(frozen=True, slots=True)
class Table:
    """How objects of one kind are printed."""

    columns: tuple[Object, ...]
    cells: Callable[[Object, float], list[Any]]
    """(object, now in seconds) to one value per column; must cope with any stored object."""


def column(
    name: str, type_: str = "string", *, wide: bool = False, format_: str = "", description: str = ""
) -> Object:
    """Return one column definition."""
    return {
        "name": name,
        "type": type_,
        "format": format_,
        "description": description or _DESCRIPTIONS.get(name, f"{name} of the object."),
        "priority": 1 if wide else 0,
    }


def table(
    cells: Callable[[Object, float], list[Any]],
    names: Sequence[str],
    *,
    wide: Sequence[str] = (),
    numbers: Sequence[str] = (),
    booleans: Sequence[str] = (),
) -> Table:
    """Return a table whose first column is the name; `wide` columns may stand anywhere in `names`."""

    def typed(name: str) -> str:
        return "integer" if name in numbers else "boolean" if name in booleans else "string"

    made = tuple(
        column(name, typed(name), wide=name in wide, format_="name" if name == "Name" else "")
        for name in names
    )
    return Table(made, cells)


def age(obj: Object, now: float) -> str:
    """Return the age of an object as tables print it."""
    return since((obj.get("metadata") or {}).get("creationTimestamp"), now)


def since(timestamp: str | None, now: float, absent: str = UNKNOWN) -> str:
    """Return the time since `timestamp` (RFC 3339), or `absent` without one."""
    if not timestamp:
        return absent
    try:
        return human_duration(now - parse_time(timestamp))
    except ValueError:
        return UNKNOWN


def labels_text(labels: Mapping[str, str] | None) -> str:
    """Return `a=b,c=d`, sorted by key."""
    if not labels:
        return NONE
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def selector_text(selector: Object | None) -> str:
    """Return a LabelSelector as a query."""
    try:
        return str(selector_from_label_selector(selector)) or NONE
    except ValueError:
        return "<error>"


def joined(values: Iterable[Any], absent: str = NONE) -> str:
    return ",".join(map(str, values)) or absent


def limited(values: Sequence[str], most: int = 3, absent: str = NONE, separator: str = ",") -> str:
    """Return the first few values and how many more there are."""
    if not values:
        return absent
    text = separator.join(values[:most])
    return f"{text} + {len(values) - most} more..." if len(values) > most else text


def template_cells(template: Object | None) -> list[Any]:
    """Return the cells Containers and Images of a pod template."""
    containers = ((template or {}).get("spec") or {}).get("containers") or ()
    return [
        ",".join(container.get("name") or "" for container in containers),
        ",".join(container.get("image") or "" for container in containers),
    ]


def metadata(obj: Object) -> Object:
    return obj.get("metadata") or {}


def name(obj: Object) -> str:
    return metadata(obj).get("name") or ""


def spec(obj: Object) -> Object:
    return obj.get("spec") or {}


def status(obj: Object) -> Object:
    return obj.get("status") or {}
