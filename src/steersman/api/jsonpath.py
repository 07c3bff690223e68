"""The part of JSONPath that custom resource definitions use: printer columns, scale, selectable fields.

    .spec.replicas                                     fields
    .metadata.annotations['example.com/a']             quoted fields; `\\.` escapes a dot in an unquoted one
    .spec.ports[0].port   .spec.ports[-1].port         elements
    .spec.ports[*].port                                all elements or values
    .status.conditions[?(@.type=="Ready")].status      elements whose field equals (or, `!=`, differs)

Source: the CustomResourceDefinition reference ("a simple JSON path") and kubectl's JSONPath page.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Step = Callable[[Any], Iterable[Any]]

_TOKEN = re.compile(
    r"""
    \.(?P<field>(?:\\.|[^.\[\\])+)
  | \[\s*(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\s*\]
  | \[(?P<index>-?\d+)\]
  | (?P<all>\[\*\]|\.\*)
  | \[\?\(\s*@\.(?P<key>[^\s=!<>)]+)\s*(?P<operator>==|!=)\s*(?P<wanted>"[^"]*"|'[^']*'|[^\s)]+)\s*\)\]
    """,
    re.VERBOSE,
)
_LITERALS: dict[str, Any] = {"true": True, "false": False, "null": None}


class JSONPath:
    """A compiled path; `find` gives what it leads to, in order, never an error for a missing field."""

    __slots__ = ("_steps", "text")

    def __init__(self, text: str, steps: tuple[Step, ...]) -> None:
        self.text, self._steps = text, steps

    def find(self, obj: Any) -> list[Any]:
        found = [obj]
        for step in self._steps:
            found = [value for parent in found for value in step(parent)]
            if not found:
                return found
        return found

    def __repr__(self) -> str:
        return f"JSONPath({self.text!r})"


@lru_cache(maxsize=1024)
def compile_path(text: str) -> JSONPath:
    """Compile a path; braces around it and a leading `$` are optional.  Raises ValueError."""
    bare = text.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    if bare in ("", "."):
        return JSONPath(text, ())
    if bare[0] not in ".[":
        raise ValueError(f"JSONPath {text!r} must begin with a dot")
    steps: list[Step] = []
    position = 0
    while position < len(bare):
        match = _TOKEN.match(bare, position)
        if match is None:
            raise ValueError(f"JSONPath {text!r} is not understood from {bare[position:]!r}")
        steps.append(_step(match))
        position = match.end()
    return JSONPath(text, tuple(steps))


def _step(match: re.Match[str]) -> Step:
    if match["all"]:
        return _every
    if match["index"]:
        return _element(int(match["index"]))
    if match["key"]:
        return _filter(match["key"], match["operator"] == "==", _literal(match["wanted"]))
    if match["quote"]:
        return _field(match["quoted"])
    return _field(re.sub(r"\\(.)", r"\1", match["field"]))


def _every(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def _field(name: str) -> Step:
    def step(value: Any) -> Iterable[Any]:
        return (value[name],) if isinstance(value, dict) and name in value else ()

    return step


def _element(index: int) -> Step:
    def step(value: Any) -> Iterable[Any]:
        inside = isinstance(value, list) and -len(value) <= index < len(value)
        return (value[index],) if inside else ()

    return step


def _filter(key: str, equal: bool, wanted: Any) -> Step:
    inner = compile_path(f".{key}")

    def step(value: Any) -> Iterable[Any]:
        if not isinstance(value, list):
            return ()
        return [item for item in value if ((inner.find(item) or [None])[0] == wanted) is equal]

    return step


def _literal(text: str) -> Any:
    if text[0] in "\"'":
        return text[1:-1]
    if text in _LITERALS:
        return _LITERALS[text]
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text
