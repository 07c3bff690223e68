"""What an extension function is: how it is declared to the checker, and what computes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Signature = tuple[tuple[str, ...], str]
"""Types of the parameters (the receiver first) and of the result, in CEL's notation."""


@dataclass(frozen=True, slots=True)
class Function:
    """One name with one number of parameters. `compute` is called with the values of any of its overloads."""

    name: str
    overloads: tuple[Signature, ...]
    """What the checker is told; nothing where the standard library has declared it."""
    compute: Callable[..., Any]
    """Gets plain values and messages; raises ValueError, whose text becomes the expression's error."""
    member: bool = True
    """Called as `a.name(b)` and not as `name(a, b)`."""
    runtime: tuple[str, ...] = ()
    """Types to register `compute` under, where the standard library has the name too; anything otherwise."""
