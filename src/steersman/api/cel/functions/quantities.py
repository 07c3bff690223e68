"""Quantities and semantic versions: parsed, compared, added."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from steersman.api import quantity
from steersman.api.cel.functions.function import Function
from steersman.api.cel.functions.messages import QUANTITY, SEMVER, make, type_of

_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?"
)
_MAX = 1 << 63


def _amount(value: Any) -> Fraction:
    return Fraction(value) if isinstance(value, int) else Fraction(value.text)


def _parse(text: str) -> Any:
    return make(QUANTITY, str(quantity.parse(text)))


def _is_quantity(text: str) -> bool:
    try:
        quantity.parse(text)
    except ValueError:
        return False
    return True


def _is_integer(value: Any) -> bool:
    amount = _amount(value)
    return amount.denominator == 1 and -_MAX <= amount < _MAX


def _as_integer(value: Any) -> int:
    if not _is_integer(value):
        raise ValueError("cannot convert value to integer")
    return int(_amount(value))


def _sign(value: Any) -> int:
    amount = _amount(value)
    return (amount > 0) - (amount < 0)


def normalized(text: str) -> str:
    """Bring loose versions into form: no leading v, three numbers without leading zeros."""
    core, mark, rest = re.sub("^v", "", text).partition("-")
    if not mark:
        core, mark, rest = core.partition("+")
    parts = [str(int(part)) if part.isdecimal() else part for part in core.split(".")]
    return ".".join(parts + ["0"] * (3 - len(parts))) + mark + rest


def _semver(text: str, normalize: bool = False) -> Any:
    text = normalized(text) if normalize else text
    if _SEMVER.fullmatch(text) is None:
        raise ValueError(f"invalid semantic version: {text}")
    return make(SEMVER, text)


def _is_semver(text: str, normalize: bool = False) -> bool:
    return _SEMVER.fullmatch(normalized(text) if normalize else text) is not None


def _part(index: int, value: Any) -> int:
    match = _SEMVER.fullmatch(value.text)
    return int(match.group(index)) if match else 0


def _precedence(value: Any) -> tuple[Any, ...]:
    match = _SEMVER.fullmatch(value.text)
    if match is None:
        return ()
    core = tuple(int(match.group(index)) for index in (1, 2, 3))
    before = match.group(4)
    if before is None:
        return (*core, 1)
    identifiers = [(0, int(one), "") if one.isdecimal() else (1, 0, one) for one in before.split(".")]
    return (*core, 0, tuple(identifiers))


def _compare(left: Any, right: Any) -> int:
    if type_of(left) == SEMVER:
        a, b = _precedence(left), _precedence(right)
        return (a > b) - (a < b)
    difference = _amount(left) - _amount(right)
    return (difference > 0) - (difference < 0)


_BOTH = ((QUANTITY, QUANTITY), (SEMVER, SEMVER))
_SUMS = (((QUANTITY, QUANTITY), QUANTITY), ((QUANTITY, "int"), QUANTITY))

QUANTITIES = (
    Function("quantity", ((("string",), QUANTITY),), _parse, member=False),
    Function("isQuantity", ((("string",), "bool"),), _is_quantity, member=False),
    Function("sign", (((QUANTITY,), "int"),), _sign),
    Function("isInteger", (((QUANTITY,), "bool"),), _is_integer),
    Function("asInteger", (((QUANTITY,), "int"),), _as_integer),
    Function("asApproximateFloat", (((QUANTITY,), "double"),), lambda value: float(_amount(value))),
    Function("add", _SUMS, lambda a, b: make(QUANTITY, str(_amount(a) + _amount(b)))),
    Function("sub", _SUMS, lambda a, b: make(QUANTITY, str(_amount(a) - _amount(b)))),
    Function("isGreaterThan", tuple((pair, "bool") for pair in _BOTH), lambda a, b: _compare(a, b) > 0),
    Function("isLessThan", tuple((pair, "bool") for pair in _BOTH), lambda a, b: _compare(a, b) < 0),
    Function("compareTo", tuple((pair, "int") for pair in _BOTH), _compare),
    Function("semver", ((("string",), SEMVER),), _semver, member=False),
    Function("semver", ((("string", "bool"), SEMVER),), _semver, member=False),
    Function("isSemver", ((("string",), "bool"),), _is_semver, member=False),
    Function("isSemver", ((("string", "bool"), "bool"),), _is_semver, member=False),
    Function("major", (((SEMVER,), "int"),), lambda value: _part(1, value)),
    Function("minor", (((SEMVER,), "int"),), lambda value: _part(2, value)),
    Function("patch", (((SEMVER,), "int"),), lambda value: _part(3, value)),
)
