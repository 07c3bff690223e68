"""Match conditions: CEL expressions that decide whether a webhook or policy is asked at all.

Any that is false decides; when none is false and one has no value, that is an error which the failure policy
judges. Source: "Dynamic Admission Control", matchConditions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steersman.api.types import Object

VARIABLES = ("object", "oldObject", "request", "authorizer", "params", "namespaceObject", "variables")
"""What expressions of admission may name."""


class ConditionError(Exception):
    """Conditions could not be evaluated; the text says which and why."""


class Conditions:
    """The conditions of one webhook or policy."""

    def __init__(self, given: Iterable[Object]) -> None:
        self._given = tuple((str(one.get("name", "")), str(one.get("expression", ""))) for one in given)

    def __bool__(self) -> bool:
        return bool(self._given)

    def hold(self, values: Mapping[str, Any]) -> bool:
        """Whether all are true. Raises: ConditionError."""
        problems = []
        for name, expression in self._given:
            try:
                if value_of(expression, values) is not True:
                    return False
            except ValueError as error:
                problems.append(f"matchCondition {name}: {error}")
        if problems:
            raise ConditionError("; ".join(problems))
        return True


def value_of(expression: str, values: Mapping[str, Any]) -> Any:
    """The value of an expression over `values`, whose names are among `VARIABLES`. Raises: ValueError."""
    from steersman.api.cel.environment import evaluate, program

    complete = {name: values.get(name) for name in VARIABLES}
    asker = complete["authorizer"]
    if asker is None or "authorizer" not in expression:
        complete["authorizer"] = {}
        return evaluate(program(expression, VARIABLES), complete)
    from steersman.api.cel.functions.authorizer import asking

    with asking(asker.ask):
        return evaluate(program(expression, VARIABLES), {**complete, "authorizer": asker.value})
