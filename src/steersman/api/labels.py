"""Label selectors: the query syntax (`a=b,c in (d,e),!f`) and the LabelSelector objects of the API.

A :class:`Selector` is immutable and matches in a few dictionary look-ups, because watches and list filters
ask it once an object.  `str()` gives a query that parses back to the same selector.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from steersman.api.names import is_label_value, is_qualified_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Operator = Literal["=", "in", "!=", "notin", "exists", "!", "gt", "lt"]
_OPERATORS: Final[dict[str, Operator]] = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "!",
}
_TOKEN = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+|\Z)")


class Requirement(NamedTuple):
    """One clause.  `values` is sorted and deduplicated; empty for `exists` and `!`."""

    key: str
    operator: Operator
    values: tuple[str, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        operator = self.operator
        value = labels.get(self.key)
        if operator in ("=", "in"):
            return value is not None and value in self.values
        if operator in ("!=", "notin"):
            return value is None or value not in self.values
        if operator == "exists":
            return value is not None
        if operator == "!":
            return value is None
        return self._compare(value)

    def _compare(self, value: str | None) -> bool:
        try:
            number, bound = int(value or ""), int(self.values[0])
        except ValueError:
            return False
        return number > bound if self.operator == "gt" else number < bound

    def __str__(self) -> str:
        if self.operator == "exists":
            return self.key
        if self.operator == "!":
            return f"!{self.key}"
        if self.operator in ("in", "notin"):
            return f"{self.key} {self.operator} ({','.join(self.values)})"
        sign = {"gt": ">", "lt": "<"}.get(self.operator, self.operator)
        return f"{self.key}{sign}{self.values[0]}"


class Selector:
    """A conjunction of requirements; without any it selects everything, unless it is `NOTHING`."""

    __slots__ = ("_requirements", "_selects_nothing", "_simple")

    def __init__(self, requirements: Iterable[Requirement] = (), *, nothing: bool = False) -> None:
        self._requirements = tuple(sorted(requirements))
        self._selects_nothing = nothing
        # Nearly every selector is a map of equalities: compare those without a call per clause.
        simple = all(r.operator in ("=", "in") and len(r.values) == 1 for r in self._requirements)
        self._simple = tuple((r.key, r.values[0]) for r in self._requirements) if simple else None

    @property
    def empty(self) -> bool:
        """True when it selects everything."""
        return not self._requirements and not self._selects_nothing

    @property
    def nothing(self) -> bool:
        """True when it selects nothing, whatever the labels."""
        return self._selects_nothing

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        return self._requirements

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        if self._selects_nothing:
            return False
        present: Mapping[str, str] = labels or {}
        if self._simple is not None:
            return all(present.get(key) == value for key, value in self._simple)
        return all(requirement.matches(present) for requirement in self._requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self._requirements))

    def __repr__(self) -> str:
        return "Selector(nothing)" if self._selects_nothing else f"Selector({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Selector)
            and self._requirements == other._requirements
            and self._selects_nothing == other._selects_nothing
        )

    def __hash__(self) -> int:
        return hash((self._requirements, self._selects_nothing))


EVERYTHING: Final = Selector()
NOTHING: Final = Selector(nothing=True)


@lru_cache(maxsize=1024)
def parse_selector(text: str) -> Selector:
    """Parse a query such as `a=b,c in (d,e),!f`; empty text selects everything.  Raises ValueError."""
    parser = _Parser(text)
    return Selector(parser.requirements()) if text.strip() else EVERYTHING


def selector_from_map(labels: Mapping[str, str] | None) -> Selector:
    """Return the selector of all these labels; None or an empty map selects everything."""
    if not labels:
        return EVERYTHING
    return Selector(Requirement(key, "=", (value,)) for key, value in labels.items())


def selector_from_label_selector(obj: Mapping[str, Any] | None) -> Selector:
    """Turn a LabelSelector into a selector: None selects nothing, `{}` everything.  Raises ValueError."""
    if obj is None:
        return NOTHING
    requirements = [Requirement(key, "=", (value,)) for key, value in (obj.get("matchLabels") or {}).items()]
    for expression in obj.get("matchExpressions") or ():
        operator = _OPERATORS.get(expression.get("operator", ""))
        if operator is None:
            raise ValueError(f'"{expression.get("operator", "")}" is not a valid label selector operator')
        requirements.append(requirement(expression.get("key", ""), operator, expression.get("values") or ()))
    return Selector(requirements) if requirements else EVERYTHING


def requirement(key: str, operator: Operator, values: Iterable[str]) -> Requirement:
    """Return a checked requirement.  Raises ValueError naming what is wrong with key, operator or values."""
    unique = tuple(sorted(set(values)))
    problems = is_qualified_name(key)
    if problems:
        raise ValueError(f'key: Invalid value: "{key}": {"; ".join(problems)}')
    if operator in ("in", "notin") and not unique:
        raise ValueError("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
    if operator in ("exists", "!") and unique:
        raise ValueError("values: Invalid value: values set must be empty for exists and does not exist")
    if operator in ("gt", "lt"):
        _check_bound(unique)
        return Requirement(key, operator, unique)
    for value in unique:
        problems = is_label_value(value)
        if problems:
            raise ValueError(f'values[{key}]: Invalid value: "{value}": {"; ".join(problems)}')
    return Requirement(key, operator, unique)


def _check_bound(values: tuple[str, ...]) -> None:
    if len(values) != 1 or not re.fullmatch(r"[+-]?[0-9]+", values[0], re.ASCII):
        raise ValueError("values: Invalid value: for 'Gt', 'Lt' operators, exactly one integer is required")


class _Parser:
    """A recursive-descent reader of the query syntax."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._tokenize(text)
        self._at = 0

    @staticmethod
    def _tokenize(text: str) -> list[str]:
        tokens: list[str] = []
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:  # pragma: no cover - the pattern accepts every character
                raise ValueError(f"unable to parse requirement: {text!r}")
            position = match.end()
            if match[1]:
                tokens.append(match[1])
        return tokens

    def requirements(self) -> list[Requirement]:
        found = []
        while self._at < len(self._tokens):
            found.append(self._requirement())
            if self._at >= len(self._tokens):
                break
            self._expect(",")
            if self._at >= len(self._tokens):
                raise ValueError("found '', expected: identifier after ','")
        return found

    def _requirement(self) -> Requirement:
        if self._peek() == "!":
            self._next()
            return requirement(self._word(), "!", ())
        key = self._word()
        token = self._peek()
        if token in ("", ","):
            return requirement(key, "exists", ())
        self._next()
        if token in ("=", "=="):
            return requirement(key, "=", (self._value(),))
        if token == "!=":
            return requirement(key, "!=", (self._value(),))
        if token in ("<", ">"):
            return requirement(key, "gt" if token == ">" else "lt", (self._value(),))
        if token in ("in", "notin"):
            return requirement(key, "in" if token == "in" else "notin", self._value_set())
        raise ValueError(
            f"unable to parse requirement: found '{token}', expected: in, notin, =, ==, !=, gt, lt"
        )

    def _value_set(self) -> list[str]:
        self._expect("(")
        values = [self._value()]
        while self._peek() == ",":
            self._next()
            values.append(self._value())
        self._expect(")")
        return values

    def _value(self) -> str:
        return "" if self._peek() in ("", ",", ")") else self._word()

    def _word(self) -> str:
        token = self._next()
        if not token or token in "==!=<>(),":
            raise ValueError(f"unable to parse requirement: found '{token}', expected: identifier")
        return token

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _expect(self, wanted: str) -> None:
        token = self._next()
        if token != wanted:
            raise ValueError(f"unable to parse requirement: found '{token}', expected: '{wanted}'")
