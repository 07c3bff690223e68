"""Quantities: the documented spellings, and what must hold for all of them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steersman.api import quantity


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        pytest.param("0.5", "500m", id="a fraction of a core becomes milli"),
        pytest.param("1000m", "1", id="a thousand milli are one"),
        pytest.param("1024Mi", "1Gi", id="binary suffixes move up"),
        pytest.param("1.5Gi", "1536Mi", id="binary fractions move down"),
        pytest.param("0.5Ki", "512", id="less than a kibi is written in decimal"),
        pytest.param("1.00001Ki", "1024010240u", id="a binary fraction of a byte loses nothing"),
        pytest.param("12e6", "12e6", id="a decimal exponent stays one"),
        pytest.param("12000e3", "12e6", id="a decimal exponent moves up"),
        pytest.param("1E", "1E", id="a bare E is exa"),
        pytest.param("1500M", "1500M", id="what does not divide stays"),
        pytest.param("0.1n", "1n", id="finer than nano rounds up"),
        pytest.param("-1.5", "-1500m", id="negative numbers keep their sign"),
        pytest.param("00100", "100", id="leading zeros go"),
        pytest.param("100000000000Ei", "9223372036854775807", id="too large is capped"),
        pytest.param("0", "0", id="zero"),
        pytest.param(2, "2", id="an integer"),
        pytest.param(0.25, "250m", id="a float"),
    ],
)
def test_canonical(text: str | int | float, canonical: str) -> None:
    assert quantity.canonical(text) == canonical


@pytest.mark.parametrize("text", ["", "1.2.3", "Mi", "1 Gi", "1x", "+", ".", "1ki", "1mi", "١", "e3", True])
def test_malformed_text_is_refused(text: str | int) -> None:
    with pytest.raises(ValueError, match=r"quantit"):
        quantity.parse(text)


def test_milli_and_value_round_up() -> None:
    assert quantity.milli("0.0001") == 1
    assert quantity.milli("2") == 2000
    assert quantity.value("1500m") == 2
    assert quantity.value("1Ki") == 1024


@given(
    st.integers(min_value=0, max_value=10**6),
    st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi", "e3", "E-2", "u"]),
)
def test_canonical_keeps_the_amount_and_is_stable(number: int, suffix: str) -> None:
    text = f"{number}{suffix}"
    once = quantity.canonical(text)
    assert quantity.parse(once) == quantity.parse(text)
    assert quantity.canonical(once) == once


@given(st.fractions(min_value=0, max_value=10**12, max_denominator=1000))
def test_format_never_loses_more_than_a_nano(amount: Fraction) -> None:
    assert 0 <= quantity.parse(quantity.format(amount)) - amount < Fraction(1, 10**9)
