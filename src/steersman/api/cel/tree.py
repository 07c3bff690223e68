"""The checked syntax tree, read from its serialized form.

The expression library hands a tree out as protocol buffer bytes (`cel.expr.CheckedExpr` in an Any) and in no
other way. Only what cost estimates need is read. Source: cel-spec proto/cel/expr/checked.proto, syntax.proto.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Constant:
    size: int
    """Characters of a text or bytes; 0 for others."""


@dataclass(frozen=True, slots=True)
class Identifier:
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    operand: Node
    field: str
    test: bool
    """Comes from `has()`."""


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple[Node, ...]
    """The receiver, if any, first."""


@dataclass(frozen=True, slots=True)
class Make:
    """A list, map or message that the expression makes."""

    kind: str
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Comprehension:
    variables: tuple[str, ...]
    range: Node
    accumulator: str
    init: Node
    condition: Node
    step: Node
    result: Node


Node = Constant | Identifier | Select | Call | Make | Comprehension
_Field = tuple[int, int, bytes]
"""Number, value of a varint, bytes of anything else."""


def parse(data: bytes) -> Node:
    """Read a serialized checked expression. Raises: ValueError."""
    checked = _first(data, 2)
    return _node(_first(checked, 4))


def _fields(data: bytes) -> Iterator[_Field]:
    position, end = 0, len(data)
    while position < end:
        key, position = _varint(data, position)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, position = _varint(data, position)
            yield number, value, b""
        elif kind == 2:
            size, position = _varint(data, position)
            yield number, 0, data[position : position + size]
            position += size
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            yield number, 0, data[position : position + size]
            position += size
        else:
            raise ValueError(f"wire type {kind} in a syntax tree")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _first(data: bytes, wanted: int) -> bytes:
    for number, _, content in _fields(data):
        if number == wanted:
            return content
    return b""


def _text(data: bytes, wanted: int) -> str:
    return _first(data, wanted).decode()


def _node(data: bytes) -> Node:
    for number, _, content in _fields(data):
        if number == 3:
            return _constant(content)
        if number == 4:
            return Identifier(_text(content, 1))
        if number == 5:
            test = any(key == 3 and value for key, value, _ in _fields(content))
            return Select(_node(_first(content, 1)), _text(content, 2), test)
        if number == 6:
            return _call(content)
        if number == 7:
            return Make("list", tuple(_node(part) for key, _, part in _fields(content) if key == 1))
        if number == 8:
            return _struct(content)
        if number == 9:
            return _comprehension(content)
    return Constant(0)


def _constant(data: bytes) -> Constant:
    for number, _, content in _fields(data):
        if number in (6, 7):
            return Constant(len(content))
    return Constant(0)


def _call(data: bytes) -> Call:
    target, arguments, function = [], [], ""
    for number, _, content in _fields(data):
        if number == 1:
            target.append(_node(content))
        elif number == 2:
            function = content.decode()
        elif number == 3:
            arguments.append(_node(content))
    return Call(function, (*target, *arguments))


def _struct(data: bytes) -> Make:
    name, parts = "", []
    for number, _, content in _fields(data):
        if number == 1:
            name = content.decode()
        elif number == 2:
            parts += [_node(part) for key, _, part in _fields(content) if key in (3, 4)]
    return Make("struct" if name else "map", tuple(parts))


def _comprehension(data: bytes) -> Comprehension:
    parts = {number: content for number, _, content in _fields(data)}
    variables = tuple(parts[key].decode() for key in (1, 8) if parts.get(key))
    nodes = {key: _node(parts.get(key, b"")) for key in (2, 4, 5, 6, 7)}
    return Comprehension(
        variables, nodes[2], parts.get(3, b"").decode(), nodes[4], nodes[5], nodes[6], nodes[7]
    )
