"""Named formats: `format.dns1123Label().validate(text)` gives an optional list of complaints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api import names
from steersman.api.cel.functions.function import Function
from steersman.api.cel.functions.messages import NAMED_FORMAT, make
from steersman.api.schema.formats import FORMATS as TEXT_FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable


def _prefix(check: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """A name's first part may end with a dash: something is appended to it."""
    return lambda text: check(f"{text[:-1]}a" if text.endswith("-") else text)


def _format(name: str) -> Callable[[str], list[str]]:
    return lambda text: [] if TEXT_FORMATS[name](text) else ["invalid format"]


FORMATS: dict[str, Callable[[str], list[str]]] = {
    "dns1123Label": names.is_dns1123_label,
    "dns1123Subdomain": names.is_dns1123_subdomain,
    "dns1035Label": names.is_dns1035_label,
    "qualifiedName": names.is_qualified_name,
    "dns1123LabelPrefix": _prefix(names.is_dns1123_label),
    "dns1123SubdomainPrefix": _prefix(names.is_dns1123_subdomain),
    "dns1035LabelPrefix": _prefix(names.is_dns1035_label),
    "labelValue": names.is_label_value,
    "uri": _format("uri"),
    "uuid": _format("uuid"),
    "byte": _format("byte"),
    "date": _format("date"),
    "datetime": _format("date-time"),
}


def _named(name: str) -> Callable[[], Any]:
    return lambda: make(NAMED_FORMAT, name)


NAMED_FORMATS = (
    *(Function(f"format.{name}", (((), NAMED_FORMAT),), _named(name), member=False) for name in FORMATS),
    Function(
        "validate",
        (((NAMED_FORMAT, "string"), "optional_type<list<string>>"),),
        lambda value, text: FORMATS[value.text](text),
    ),
    # Computations cannot give optionals: at run time a list of complaints stands for one.
    Function("hasValue", (), bool, runtime=("list",)),
    Function("value", (), list, runtime=("list",)),
)
