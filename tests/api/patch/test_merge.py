"""JSON merge patch: RFC 7386's own examples, and the properties that make it safe."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steersman.api.errors import BadRequest
from steersman.api.patch import merge
from steersman.api.types import copied

SCALARS = st.one_of(st.booleans(), st.integers(-9, 9), st.text("ab", max_size=2))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text("xyz", min_size=1, max_size=2), inner, max_size=3),
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text("xyz", min_size=1, max_size=2), VALUES, max_size=4)


@pytest.mark.parametrize(
    ("doc", "patch", "expected"),
    [
        pytest.param({"a": "b"}, {"a": "c"}, {"a": "c"}, id="a value replaces"),
        pytest.param({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}, id="a new member is added"),
        pytest.param({"a": "b"}, {"a": None}, {}, id="null removes"),
        pytest.param({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}, id="null removes only its own"),
        pytest.param({"a": ["b"]}, {"a": "c"}, {"a": "c"}, id="a value replaces a list"),
        pytest.param({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}, id="a list replaces a value"),
        pytest.param({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}, id="objects merge"),
        pytest.param({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}, id="lists never merge"),
        pytest.param({"e": None}, {"a": 1}, {"e": None, "a": 1}, id="a null of the document stays"),
        pytest.param(
            {}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}, id="nulls of new objects are dropped"
        ),
    ],
)
def test_examples(doc: Any, patch: Any, expected: Any) -> None:
    assert merge.apply(doc, patch) == expected


def test_a_patch_that_is_no_object_is_refused() -> None:
    with pytest.raises(BadRequest):
        merge.apply({}, ["a"])


def diff(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The merge patch that leads from one document to another."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            patch[key] = diff(before, value)
        elif key not in old or before != value or type(before) is not type(value):
            patch[key] = value
    return patch


@given(OBJECTS, OBJECTS)
def test_the_difference_of_two_documents_leads_from_one_to_the_other(old: Any, new: Any) -> None:
    assert merge.apply(old, diff(old, new)) == new


@given(OBJECTS, OBJECTS)
def test_neither_document_nor_patch_changes_or_is_shared(doc: Any, patch: Any) -> None:
    before = copied([doc, patch])
    result = merge.apply(doc, patch)
    _spoil(result)
    assert [doc, patch] == before


@given(OBJECTS, OBJECTS)
def test_applying_twice_is_applying_once(doc: Any, patch: Any) -> None:
    once = merge.apply(doc, patch)
    assert merge.apply(once, patch) == once


def _spoil(value: Any) -> None:
    if isinstance(value, dict):
        for item in value.values():
            _spoil(item)
        value["spoilt"] = 1
    elif isinstance(value, list):
        for item in value:
            _spoil(item)
        value.append("spoilt")
