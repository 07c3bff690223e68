"""Typed literals of mutations as plain maps.

    Object{spec: Object.spec{replicas: 3}}   is   {"spec": {"replicas": 3}}

The types of these literals follow from the kind being changed; evaluation needs only their values. Pure; the
text around literals, strings and comments included, stays as it is.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""
    (?P<string>[rRbB]{0,2}(?:\"\"\".*?\"\"\"|'''.*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
  | (?P<comment>//[^\n]*)
  | (?P<type>(?<![\w.])(?:Object(?:\.(?:\w+|`[^`]+`))*|JSONPatch)(?=\s*\{))
  | (?P<field>(?:[A-Za-z_]\w*|`[^`]+`)(?=\s*:(?!:)))
  | (?P<word>[A-Za-z_]\w*)
  | (?P<open>[{\[(])
  | (?P<close>[}\])])
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def plain_literals(text: str) -> str:
    """Return an expression without typed literals."""
    made: list[str] = []
    inside: list[bool] = []  # whether each open bracket is that of a typed literal
    typed = at_field = False
    for match in _TOKEN.finditer(text):
        kind, piece = match.lastgroup, match[0]
        if kind == "type":
            typed = True
            continue
        if kind == "open":
            inside.append(typed and piece == "{")
            at_field = inside[-1]
            typed = False
        elif kind == "close":
            if inside:
                inside.pop()
            at_field = False
        elif kind == "field" and at_field:
            piece = f'"{piece.strip("`")}"'
            at_field = False
        elif piece == ",":
            at_field = bool(inside) and inside[-1]
        elif not piece.isspace() and kind != "comment" and piece != "?":
            at_field = False
        made.append(piece)
    return "".join(made)
