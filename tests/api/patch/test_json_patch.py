"""JSON patch: RFC 6902's examples, and what does not apply."""

from __future__ import annotations

from typing import Any

import pytest

from steersman.api.errors import ApiError
from steersman.api.patch import json_patch


def op(name: str, path: str, **rest: Any) -> dict[str, Any]:
    return {"op": name, "path": path, **rest}


@pytest.mark.parametrize(
    ("doc", "operations", "expected"),
    [
        pytest.param(
            {"foo": "bar"}, [op("add", "/baz", value="qux")], {"foo": "bar", "baz": "qux"}, id="add a member"
        ),
        pytest.param(
            {"foo": ["bar", "baz"]},
            [op("add", "/foo/1", value="q")],
            {"foo": ["bar", "q", "baz"]},
            id="add an element",
        ),
        pytest.param(
            {"foo": ["a"]}, [op("add", "/foo/-", value="b")], {"foo": ["a", "b"]}, id="append an element"
        ),
        pytest.param({"baz": 1, "foo": 2}, [op("remove", "/baz")], {"foo": 2}, id="remove a member"),
        pytest.param({"foo": [1, 2, 3]}, [op("remove", "/foo/1")], {"foo": [1, 3]}, id="remove an element"),
        pytest.param({"foo": [1, 2, 3]}, [op("remove", "/foo/-1")], {"foo": [1, 2]}, id="negative index"),
        pytest.param({"a": 1}, [op("replace", "/a", value=None)], {"a": None}, id="replace by null"),
        pytest.param(
            {"foo": {"bar": 1}, "qux": {}},
            [{"op": "move", "from": "/foo/bar", "path": "/qux/thud"}],
            {"foo": {}, "qux": {"thud": 1}},
            id="move a member",
        ),
        pytest.param(
            {"foo": [1, 2, 3]},
            [{"op": "move", "from": "/foo/0", "path": "/foo/2"}],
            {"foo": [2, 3, 1]},
            id="move an element",
        ),
        pytest.param(
            {"a": {"b": 1}},
            [{"op": "copy", "from": "/a", "path": "/c"}],
            {"a": {"b": 1}, "c": {"b": 1}},
            id="copy",
        ),
        pytest.param(
            {"a/b": 1, "m~n": 2},
            [op("remove", "/a~1b"), op("test", "/m~0n", value=2)],
            {"m~n": 2},
            id="escapes",
        ),
        pytest.param({"a": 1}, [op("test", "/b", value=None)], {"a": 1}, id="nothing equals null"),
    ],
)
def test_examples(doc: Any, operations: Any, expected: Any) -> None:
    assert json_patch.apply(doc, operations) == expected


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        pytest.param([op("test", "/a", value=2)], 422, id="a failed test"),
        pytest.param([op("test", "/a", value=True)], 422, id="true is not 1"),
        pytest.param([op("remove", "/x")], 422, id="removing what is not there"),
        pytest.param([op("replace", "/x", value=1)], 422, id="replacing what is not there"),
        pytest.param([op("add", "/x/y", value=1)], 422, id="adding below what is not there"),
        pytest.param([op("add", "/l/5", value=1)], 422, id="adding past the end"),
        pytest.param([op("add", "/l/01", value=1)], 422, id="an index with a leading zero"),
        pytest.param([{"op": "move", "from": "/o", "path": "/o/p"}], 422, id="moving into itself"),
        pytest.param([op("frobnicate", "/a")], 400, id="an unknown operation"),
        pytest.param([op("add", "a", value=1)], 400, id="a path that is no pointer"),
        pytest.param([op("add", "/a")], 400, id="no value"),
        pytest.param({"op": "add"}, 400, id="no list"),
        pytest.param([op("test", "/a", value=1)] * 10_001, 413, id="too many operations"),
    ],
)
def test_refused(operations: Any, code: int) -> None:
    doc = {"a": 1, "l": [1], "o": {"p": 1}}
    with pytest.raises(ApiError) as caught:
        json_patch.apply(doc, operations)
    assert caught.value.code == code
    assert doc == {"a": 1, "l": [1], "o": {"p": 1}}
