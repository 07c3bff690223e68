"""Resource quantities: `100m`, `1.5Gi`, `2e3`.

A quantity is a decimal number with one suffix: binary (`Ki` to `Ei`), decimal (`n` to `E`) or a
decimal exponent.  Amounts are exact fractions; what is finer than a nano is rounded away from zero and what
is larger than 2**63-1 is capped, as the API documents it.  Parsing is cached, because the scheduler, quota
and defaulting parse the same few strings again and again.

Source: the documented serialisation rules of `k8s.io/apimachinery/pkg/api/resource.Quantity`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Literal

Style = Literal["DecimalSI", "BinarySI", "DecimalExponent"]

LIMIT = 2**63 - 1
"""Largest magnitude a quantity can hold."""

_NANO = 10**9
_SYNTAX = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?([numkKMGTPE]i?|[eE][+-]?\d{1,9})?\Z", re.ASCII)
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_NAMES = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_DESCENDING = tuple(reversed(_BINARY.items()))
_MALFORMED = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


def parse(text: str | int | float) -> Fraction:
    """Return the exact amount.  Raises ValueError when `text` is not a quantity."""
    return _parsed(text if isinstance(text, str) else _number(text))[0]


def style_of(text: str | int | float) -> Style:
    """Return the family of suffixes `text` is written in.  Raises ValueError as :func:`parse` does."""
    return _parsed(text if isinstance(text, str) else _number(text))[1]


@lru_cache(maxsize=4096, typed=True)
def canonical(text: str | int | float) -> str:
    """Return the spelling the API stores: `1000m` is `1`, `0.5` is `500m`, `1024Mi` is `1Gi`."""
    amount, style = _parsed(text if isinstance(text, str) else _number(text))
    return format(amount, style)


@lru_cache(maxsize=4096, typed=True)
def milli(text: str | int | float) -> int:
    """Return thousandths, rounded away from zero (`100m` of CPU is 100)."""
    return _away_from_zero(parse(text) * 1000)


@lru_cache(maxsize=4096, typed=True)
def value(text: str | int | float) -> int:
    """Return whole units (bytes, pods, cores), rounded away from zero."""
    return _away_from_zero(parse(text))


def format(amount: Fraction | int, style: Style = "DecimalSI") -> str:
    """Return `amount` with the largest suffix of `style` that leaves an integer in front.

    Binary amounts below 1024 or with a fraction are written in decimal, so that nothing is lost.
    """
    exact = Fraction(amount)
    if exact == 0:
        return "0"
    if style == "BinarySI" and exact.denominator == 1 and abs(exact) >= 1024:
        return _format_binary(exact.numerator)
    return _format_decimal(exact, "DecimalExponent" if style == "DecimalExponent" else "DecimalSI")


def _format_binary(amount: int) -> str:
    for suffix, factor in _BINARY_DESCENDING:
        if amount % factor == 0:
            return f"{amount // factor}{suffix}"
    return str(amount)


def _format_decimal(amount: Fraction, style: Style) -> str:
    mantissa = _away_from_zero(amount * _NANO)
    exponent = -9
    top = 18 if style == "DecimalSI" else 10**6
    while mantissa % 1000 == 0 and exponent < top:
        mantissa //= 1000
        exponent += 3
    if style == "DecimalSI":
        return f"{mantissa}{_DECIMAL_NAMES[exponent]}"
    return str(mantissa) if exponent == 0 else f"{mantissa}e{exponent}"


def _number(number: int | float) -> str:
    if isinstance(number, bool):
        raise ValueError(_MALFORMED)
    return repr(number)


@lru_cache(maxsize=8192)
def _parsed(text: str) -> tuple[Fraction, Style]:
    match = _SYNTAX.match(text)
    if match is None or not (match[2] or match[3]):
        raise ValueError(_MALFORMED)
    sign, whole, decimals, suffix = match[1], match[2], match[3] or "", match[4] or ""
    digits = Fraction(int(whole + decimals or "0"), 10 ** len(decimals))
    factor, style = _scale(suffix)
    amount = digits * factor
    if amount.denominator != 1:
        amount = Fraction(_away_from_zero(amount * _NANO), _NANO)
    amount = min(amount, Fraction(LIMIT))
    return (-amount if sign == "-" else amount), style


def _scale(suffix: str) -> tuple[Fraction, Style]:
    if suffix in _BINARY:
        return Fraction(_BINARY[suffix]), "BinarySI"
    if suffix in _DECIMAL:
        return Fraction(10) ** _DECIMAL[suffix], "DecimalSI"
    if suffix[0] in "eE" and len(suffix) > 1 and suffix != "Ei":
        exponent = int(suffix[1:])
        # Beyond these bounds the result is capped or a nano anyway; the clamp keeps hostile input cheap.
        return Fraction(10) ** max(-64, min(64, exponent)), "DecimalExponent"
    raise ValueError("unable to parse quantity's suffix")


def _away_from_zero(amount: Fraction) -> int:
    numerator, denominator = amount.numerator, amount.denominator
    return -(-numerator // denominator) if numerator >= 0 else numerator // denominator
