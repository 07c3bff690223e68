"""Sets of fields, in the form managedFields has them (FieldsV1): a trie of path elements.

    {"f:spec": {"f:replicas": {}, "f:containers": {'k:{"name":"c"}': {".": {}, "f:image": {}}}}}

Path elements are `f:<name>` (a field), `k:<json>` (a list element by its keys), `v:<json>` (an element of a
set). A node without children is a member of the set; a node with children is one only when it has a `.`. The
root is never a member: `{}` at the root is the empty set.

Sets are immutable here: operations return new tries that share what did not change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from steersman.api.types import Object

if TYPE_CHECKING:
    from collections.abc import Iterator

Fields = Object
LEAF: Fields = {}
"""The node that is a member and nothing else."""


def is_member(node: Fields) -> bool:
    """Does this node itself (not only something below it) belong to the set?"""
    return not node or "." in node


def _node(children: Fields, member: bool) -> Fields | None:
    """A node from its children and membership; None when nothing is left of it."""
    if not children:
        return LEAF if member else None
    return {".": LEAF, **children} if member else children


def union(a: Fields, b: Fields) -> Fields:
    """Everything in either set (of two roots)."""
    if not a or a is b:
        return b
    if not b:
        return a
    result = dict(a)
    for key, below in b.items():
        mine = a.get(key)
        result[key] = below if mine is None else _union_nodes(mine, below)
    return result


def _union_nodes(a: Fields, b: Fields) -> Fields:
    if a is b or a == b:
        return a
    member = is_member(a) or is_member(b)
    children = {key: node for key, node in union(a, b).items() if key != "."}
    return _node(children, member) or LEAF


def difference(a: Fields, b: Fields) -> Fields:
    """What is in the first set and not in the second (of two roots)."""
    if not a or not b:
        return a
    result: Fields = {}
    for key, mine in a.items():
        other = b.get(key)
        if other is None:
            result[key] = mine
        else:
            rest = _minus(mine, other)
            if rest is not None:
                result[key] = rest
    return result


def _minus(a: Fields, b: Fields) -> Fields | None:
    if a is b:
        return None
    children = difference({key: node for key, node in a.items() if key != "."}, b) if a else {}
    return _node(children, is_member(a) and not is_member(b))


def intersection(a: Fields, b: Fields) -> Fields:
    """What is in both sets (of two roots)."""
    result: Fields = {}
    for key, mine in a.items():
        other = b.get(key)
        if other is not None and key != ".":
            shared = _node(intersection(mine, other), is_member(mine) and is_member(other))
            if shared is not None:
                result[key] = shared
    return result


def paths(fields: Fields, prefix: str = "") -> Iterator[str]:
    """Every member as error texts print it: `.spec.containers[name="c"].image`."""
    for key, node in fields.items():
        if key == ".":
            continue
        path = prefix + printed(key)
        if is_member(node):
            yield path
        yield from paths(node, path)


def printed(element: str) -> str:
    """One path element as error texts print it: `.spec`, `[name="c"]`."""
    kind, _, rest = element.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "k":
        keys = orjson.loads(rest)
        return f"[{','.join(f'{name}={orjson.dumps(value).decode()}' for name, value in keys.items())}]"
    if kind == "v":
        return f"[={rest}]"
    return f"[{rest}]"
