"""Label and field selectors: syntax, matching, errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steersman.api.fieldselector import parse_field_selector
from steersman.api.labels import (
    parse_selector,
    selector_from_label_selector,
    selector_from_map,
)

WEB = {"app": "web", "tier": "front", "rank": "5"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web,tier=front", True),
        ("app=db", False),
        ("app!=db", True),
        ("missing!=x", True),
        ("app in (db, web)", True),
        ("app notin (web)", False),
        ("missing notin (web)", True),
        ("app", True),
        ("!app", False),
        ("!missing", True),
        ("rank>4", True),
        ("rank<5", False),
        ("app in (db),tier", False),
        ("app=", False),
        ("in in (in)", False),
    ],
)
def test_a_query_matches(text: str, matches: bool) -> None:
    selector = parse_selector(text)
    assert selector.matches(WEB) is matches
    assert parse_selector(str(selector)) == selector


@pytest.mark.parametrize(
    "text",
    ["a=b=c", "a,,b", "a in b", "a in (b", "=x", "a b", "a=b,", "-a=b", "a=b_-", "x>y", "!", "a/b/c=d"],
)
def test_a_broken_query_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_selector(text)


def test_a_label_selector_object() -> None:
    obj = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front", "back"]},
            {"key": "gone", "operator": "DoesNotExist"},
        ],
    }
    selector = selector_from_label_selector(obj)
    assert selector.matches(WEB)
    assert not selector.matches(WEB | {"gone": ""})
    assert str(selector) == "app=web,!gone,tier in (back,front)"


def test_none_selects_nothing_and_empty_everything() -> None:
    assert not selector_from_label_selector(None).matches(WEB)
    assert selector_from_label_selector({}).matches(None)
    assert selector_from_map(None).empty
    assert not selector_from_label_selector(None).empty


def test_an_unknown_operator_is_named() -> None:
    with pytest.raises(ValueError, match=r'"Like" is not a valid label selector operator'):
        selector_from_label_selector({"matchExpressions": [{"key": "a", "operator": "Like"}]})


labels = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "y", ""]), max_size=3)


@given(labels, labels)
def test_a_map_selects_exactly_its_supersets(wanted: dict[str, str], present: dict[str, str]) -> None:
    assert selector_from_map(wanted).matches(present) == (wanted.items() <= present.items())


@pytest.mark.parametrize(
    ("text", "fields", "matches"),
    [
        ("metadata.name=a", {"metadata.name": "a"}, True),
        ("metadata.name!=a", {"metadata.name": "a"}, False),
        ("spec.nodeName=", {"spec.nodeName": ""}, True),
        ("a==b,c!=d", {"a": "b", "c": "e"}, True),
        (r"a=x\,y\=z", {"a": "x,y=z"}, True),
        ("", {}, True),
    ],
)
def test_a_field_selector_matches(text: str, fields: dict[str, str], matches: bool) -> None:
    selector = parse_field_selector(text)
    assert selector.matches(fields) is matches
    assert parse_field_selector(str(selector)) == selector


@pytest.mark.parametrize("text", ["a", "=b", r"a=b\x", "a=b=c", "a=b\\"])
def test_a_broken_field_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="selector"):
        parse_field_selector(text)


def test_exact_gives_the_value_a_field_must_have() -> None:
    selector = parse_field_selector("metadata.name=a,spec.nodeName!=n")
    assert selector.exact("metadata.name") == "a"
    assert selector.exact("spec.nodeName") is None
