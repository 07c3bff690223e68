"""The one data type of the API: a JSON object as plain Python values.

Objects are dicts, lists, strings, integers, floats, booleans and None, exactly as a JSON decoder gives them.
Whoever takes an object from a cache or a store treats it as read-only and copies it before changing it.
"""

from __future__ import annotations

from typing import Any, TypeVar

import orjson

Object = dict[str, Any]
"""A JSON object of the API, for example `{"apiVersion": "v1", "kind": "Pod", "metadata": {...}}`."""

T = TypeVar("T")


def copied(value: T) -> T:
    """A deep copy of a JSON value; several times faster than `copy.deepcopy`, and for JSON only."""
    copy: T = orjson.loads(orjson.dumps(value))
    return copy
