"""Compile and evaluate expressions.

    Checker     one declaration of variables with types: says whether an expression is right, and its type
    program     an expression ready for evaluation over plain values, whatever their types

Checking knows types; evaluation finds out by itself what a value is, so that one environment evaluates the
expressions of every schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from cel_expr_python import cel

from steersman.api.cel.functions import FUNCTIONS
from steersman.api.cel.functions.messages import POOL
from steersman.api.cel.values import as_message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor_pool import DescriptorPool

_EXTENSIONS = ("optional", "strings", "lists", "sets", "two-var-comprehensions", "bindings")
_NO_VALUE = "__old"
"""The old value behind an optional oldSelf."""
_STATUS = (
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "OUT_OF_RANGE",
    "UNKNOWN",
    "INTERNAL",
    "UNIMPLEMENTED",
    "FAILED_PRECONDITION",
)


class ExpressionError(ValueError):
    """An expression cannot be compiled; the text points at the place."""


class EvaluationError(ValueError):
    """An expression has no value: a missing key, an overflow, a division by zero."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A type-checked expression."""

    type: str
    """`bool`, `string`, `int`, `dyn`, ... as CEL names it."""
    tree: bytes
    """The checked syntax tree, as a serialized `cel.expr.CheckedExpr` in an Any."""


class Checker:
    """Variables with types. `types` are CEL's notation; message types come from `pool`."""

    def __init__(self, types: Mapping[str, str], pool: DescriptorPool = POOL) -> None:
        variables = {name: cel.Type(type_) for name, type_ in types.items()}
        self._env = cel.NewEnv(
            pool, config=_config(), variables=variables, extensions=[_extension(computed=False)]
        )

    def check(self, text: str) -> Checked:
        """Type-check an expression. Raises: ExpressionError."""
        try:
            made = self._env.compile(text)
        except RuntimeError as error:
            raise ExpressionError(_told(str(error))) from None
        return Checked(made.return_type().name().lower(), made.serialize())


def with_optional_old(text: str, *, old: bool = True) -> str:
    """Return an expression in which `oldSelf` is an optional: of `__old`, or empty."""
    value = f"optional.of({_NO_VALUE})" if old else "optional.none()"
    return f"cel.bind(oldSelf, {value}, {text}\n)"


@lru_cache(maxsize=2048)
def program(text: str, variables: tuple[str, ...] = ("self", "oldSelf", _NO_VALUE)) -> Any:
    """Return an expression ready for `evaluate`. Raises: ExpressionError."""
    try:
        return _evaluator(variables).compile(text, disable_check=False)
    except RuntimeError as error:
        raise ExpressionError(_told(str(error))) from None


def evaluate(made: Any, values: Mapping[str, Any]) -> Any:
    """Return the value of a program as plain data. Raises: EvaluationError."""
    try:
        result = made.eval(data=dict(values))
    except (RuntimeError, ValueError, TypeError, OverflowError) as error:
        raise EvaluationError(_told(str(error))) from None
    if result.type() == cel.Type.ERROR:
        raise EvaluationError(_told(str(result.value())))
    return result.plain_value()


@cache
def _evaluator(variables: tuple[str, ...]) -> Any:
    types = dict.fromkeys(variables, cel.Type.DYN)
    return cel.NewEnv(POOL, config=_config(), variables=types, extensions=[_extension(computed=True)])


@cache
def _config() -> Any:
    lines = "".join(f"- name: {name}\n" for name in _EXTENSIONS)
    return cel.NewEnvConfigFromYaml(f"name: kubernetes\nextensions:\n{lines}")


@cache
def _extension(*, computed: bool) -> Any:
    """All extension functions: every overload for the checker, one computation a name for the evaluator."""
    found: dict[str, list[Any]] = {}
    for function in FUNCTIONS:
        if not computed and not function.overloads:
            continue
        overloads = found.setdefault(function.name, [])
        if computed:
            types = function.runtime or ("dyn",) * len(function.overloads[0][0])
            overloads.append(_overload(function.name, function.member, types, "dyn", function.compute))
            continue
        for parameters, result in function.overloads:
            overloads.append(_overload(function.name, function.member, parameters, result, None))
    declarations = [cel.FunctionDecl(name, overloads) for name, overloads in found.items()]
    return cel.CelExtension("kubernetes", declarations)


def _overload(name: str, member: bool, parameters: tuple[str, ...], result: str, compute: Any) -> Any:
    label = f"kubernetes_{name}_{'member_' if member else ''}{'_'.join(parameters)}"
    types = [_type(one) for one in parameters]
    if compute is None:
        return cel.Overload(label, _type(result), types, is_member=member)

    return cel.Overload(
        label, _type(result), types, is_member=member, impl=lambda *given: as_message(compute(*given))
    )


def _type(text: str) -> Any:
    """Return a type by its notation; the library does not know that of optionals."""
    inside = text.removeprefix("optional_type<")
    if inside == text:
        return cel.Type(text)
    return cel.Type.AbstractType("optional_type", [cel.Type(inside[:-1])])


def _told(text: str) -> str:
    """The library's error without the names of its status codes."""
    for status in _STATUS:
        text = text.removeprefix(f"{status}: ").removesuffix(f" [{status}]")
    if text.startswith("Key not found in map : "):
        return f"no such key: {text.removeprefix('Key not found in map : ').strip(chr(34))}"
    if text.startswith("Index error: index="):
        return f"index out of bounds: {text.removeprefix('Index error: index=').partition(' ')[0]}"
    if text.startswith("divide by zero"):
        return "division by zero"
    return text
