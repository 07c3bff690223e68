"""Field selectors: `metadata.name=a,status.phase!=Running`.

Which fields a resource knows is the registry's business: see `Strategy.selectable_fields`.  `\\`, `,`
and `=` in a value are written with a backslash before them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Term(NamedTuple):
    field: str
    operator: Literal["=", "!="]
    value: str

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
        return f"{self.field}{self.operator}{escaped}"


class FieldSelector:
    """A conjunction of terms; without any it selects everything."""

    __slots__ = ("terms",)

    def __init__(self, terms: tuple[Term, ...] = ()) -> None:
        self.terms = terms

    @property
    def empty(self) -> bool:
        return not self.terms

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields asked for, in the order of the text."""
        return tuple(term.field for term in self.terms)

    def exact(self, field: str) -> str | None:
        """Return the value `field` must have, when a term demands one."""
        return next((t.value for t in self.terms if t.field == field and t.operator == "="), None)

    def matches(self, fields: Mapping[str, str]) -> bool:
        """A field that `fields` lacks counts as empty."""
        return all(
            (fields.get(term.field, "") == term.value) == (term.operator == "=") for term in self.terms
        )

    def __str__(self) -> str:
        return ",".join(map(str, self.terms))

    def __repr__(self) -> str:
        return f"FieldSelector({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldSelector) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(self.terms)


EVERYTHING: Final = FieldSelector()


@lru_cache(maxsize=1024)
def parse_field_selector(text: str) -> FieldSelector:
    """Parse a query; empty text selects everything.  Raises ValueError."""
    if not text:
        return EVERYTHING
    return FieldSelector(tuple(_term(part, text) for part in _split(text) if part))


def _split(text: str) -> list[str]:
    parts, start, escaped = [], 0, False
    for index, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == ",":
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def _term(part: str, whole: str) -> Term:
    index = part.find("=")
    if index < 1:
        raise ValueError(f"invalid selector: '{whole}'; can't understand '{part}'")
    if part[index - 1] == "!":
        return Term(part[: index - 1], "!=", _unescape(part[index + 1 :]))
    value = part[index + 2 :] if part.startswith("==", index) else part[index + 1 :]
    return Term(part[:index], "=", _unescape(value))


def _unescape(value: str) -> str:
    if not any(character in value for character in "\\,="):
        return value
    result, escaped = [], False
    for character in value:
        if escaped:
            if character not in "\\,=":
                raise ValueError(f"invalid field selector: invalid escape sequence: \\{character}")
            result.append(character)
            escaped = False
        elif character == "\\":
            escaped = True
        elif character in ",=":
            raise ValueError(f"invalid field selector: unescaped character in value: {character}")
        else:
            result.append(character)
    if escaped:
        raise ValueError("invalid field selector: unterminated escape sequence")
    return "".join(result)
