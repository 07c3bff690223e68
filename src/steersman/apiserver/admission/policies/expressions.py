"""The expressions of a policy over one write: the values they may name, variables worked out when needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from steersman.apiserver.admission.conditions import value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = re.compile(r"\bvariables\.([A-Za-z_]\w*)")


class Scope:
    """What the expressions of one policy see of one write, with one parameter."""

    def __init__(self, values: Mapping[str, Any], variables: Mapping[str, str]) -> None:
        self._values = dict(values)
        self._expressions = variables
        self._found: dict[str, Any] = {}
        self._open: set[str] = set()

    def value(self, expression: str) -> Any:
        """The value of an expression. Raises: ValueError."""
        for name in _VARIABLE.findall(expression):
            self._work_out(name)
        return value_of(expression, {**self._values, "variables": self._found})

    def see(self, obj: Any) -> None:
        """Go on with another state of the object; variables are worked out anew."""
        self._values["object"] = obj
        self._found.clear()

    def _work_out(self, name: str) -> None:
        if name in self._found or name not in self._expressions:
            return
        if name in self._open:
            raise ValueError(f"variable {name} refers to itself")
        self._open.add(name)
        try:
            self._found[name] = self.value(self._expressions[name])
        except ValueError as error:
            raise ValueError(f"failed to evaluate variable {name}: {error}") from None
        finally:
            self._open.discard(name)
