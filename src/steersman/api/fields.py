"""Field errors: what is wrong with one field of an object, and where.

Validation returns lists of `FieldError`; `errors.Invalid.of` turns them into a Status with one cause each.
The texts follow upstream's `field.Error` (k8s.io/apimachinery/pkg/util/validation/field), because users and
tests match on them:

    spec.replicas: Invalid value: -1: must be greater than or equal to 0
    spec.type: Unsupported value: "Foo": supported values: "ClusterIP", "NodePort"

A `Path` is cheap to extend (no string is built until an error is printed): validators make one per field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

NOT_FOUND = "FieldValueNotFound"
REQUIRED = "FieldValueRequired"
DUPLICATE = "FieldValueDuplicate"
INVALID = "FieldValueInvalid"
NOT_SUPPORTED = "FieldValueNotSupported"
FORBIDDEN = "FieldValueForbidden"
TOO_LONG = "FieldValueTooLong"
TOO_MANY = "FieldValueTooMany"
INTERNAL = "InternalError"
TYPE_INVALID = "FieldValueTypeInvalid"

_TITLES = {
    NOT_FOUND: "Not found",
    REQUIRED: "Required value",
    DUPLICATE: "Duplicate value",
    INVALID: "Invalid value",
    NOT_SUPPORTED: "Unsupported value",
    FORBIDDEN: "Forbidden",
    TOO_LONG: "Too long",
    TOO_MANY: "Too many",
    INTERNAL: "Internal error",
    TYPE_INVALID: "Invalid value",
}
_WITHOUT_VALUE = frozenset({REQUIRED, FORBIDDEN, TOO_LONG, INTERNAL})


_new = object.__new__


class Path:
    """A place in an object: `Path("spec").child("ports").index(0).child("name")` is `spec.ports[0].name`."""

    __slots__ = ("_parent", "_segment")

    _parent: Path | None
    _segment: tuple[str, ...] | int | str
    """Names of fields, an index, or a key; made into text only when somebody reads the path."""

    def __init__(self, *names: str) -> None:
        self._parent = None
        self._segment = names

    def child(self, *names: str) -> Path:
        """Go down to a named field (or several, one below the other)."""
        path = _new(Path)
        path._parent = self
        path._segment = names
        return path

    def index(self, i: int) -> Path:
        """Go down to an element of a list."""
        path = _new(Path)
        path._parent = self
        path._segment = i
        return path

    def key(self, k: str) -> Path:
        """Go down to a value of a map (or an element of a keyed list)."""
        path = _new(Path)
        path._parent = self
        path._segment = k
        return path

    def __str__(self) -> str:
        texts: list[str] = []
        path: Path | None = self
        while path is not None:
            segment = path._segment
            texts.append(
                "".join(f".{name}" for name in segment) if type(segment) is tuple else f"[{segment}]"
            )
            path = path._parent
        return "".join(reversed(texts)).removeprefix(".")

    def __repr__(self) -> str:
        return f"Path({str(self)!r})"


class Omitted:
    """The value of an error that is about a value too large to be shown."""


OMITTED = Omitted()

ROOT = Path()
"""The object itself; `ROOT.child("spec")` prints as `spec`."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One complaint about one field. `type` is the cause reason of the Status (`FieldValueInvalid`, ...)."""

    type: str
    field: str
    value: Any = None
    detail: str = ""

    def body(self) -> str:
        """The text without the field's path, as Status causes carry it."""
        title = _TITLES.get(self.type, self.type)
        plain = self.type in _WITHOUT_VALUE or self.value is OMITTED
        text = title if plain else f"{title}: {show(self.value)}"
        return f"{text}: {self.detail}" if self.detail else text

    def __str__(self) -> str:
        return f"{self.field}: {self.body()}"

    def cause(self) -> dict[str, Any]:
        """This error as an element of `status.details.causes`."""
        return {"reason": self.type, "message": self.body(), "field": self.field}


def show(value: Any) -> str:
    """A value as error texts show it: strings quoted, everything else as JSON."""
    if isinstance(value, str):
        return quote(value)
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def quote(text: str) -> str:
    """Double-quote a string, escaping what JSON escapes."""
    return orjson.dumps(text.encode("utf-8", "replace").decode()).decode()


def not_found(path: Path | str, value: Any) -> FieldError:
    """A referenced value does not exist."""
    return FieldError(NOT_FOUND, str(path), value)


def required(path: Path | str, detail: str = "") -> FieldError:
    """A field that must be set is not."""
    return FieldError(REQUIRED, str(path), "", detail)


def duplicate(path: Path | str, value: Any) -> FieldError:
    """A value that must be unique is there twice."""
    return FieldError(DUPLICATE, str(path), value)


def invalid(path: Path | str, value: Any, detail: str) -> FieldError:
    """A value that breaks a rule; `detail` states the rule."""
    return FieldError(INVALID, str(path), value, detail)


def not_supported(path: Path | str, value: Any, allowed: Iterable[str]) -> FieldError:
    """A value outside an enumeration; the allowed ones are listed sorted."""
    listed = ", ".join(quote(item) for item in sorted(allowed))
    return FieldError(NOT_SUPPORTED, str(path), value, f"supported values: {listed}" if listed else "")


def forbidden(path: Path | str, detail: str) -> FieldError:
    """A field that may not be set or changed here."""
    return FieldError(FORBIDDEN, str(path), "", detail)


def too_long(path: Path | str, value: Any, limit: int) -> FieldError:
    """A text over its limit in bytes."""
    return FieldError(TOO_LONG, str(path), value, f"may not be more than {limit} bytes")


def too_many(path: Path | str, actual: int, limit: int) -> FieldError:
    """A list or map over its limit in items."""
    return FieldError(TOO_MANY, str(path), actual, f"must have at most {limit} items")


def internal(path: Path | str, detail: str) -> FieldError:
    """Validation itself could not be carried out."""
    return FieldError(INTERNAL, str(path), None, detail)


def type_invalid(path: Path | str, value: Any, detail: str) -> FieldError:
    """A value of the wrong JSON type (custom resources; built-in kinds fail when they are decoded)."""
    return FieldError(TYPE_INVALID, str(path), value, detail)
