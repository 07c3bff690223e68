"""JSON patch (RFC 6902): a list of add, remove, replace, move, copy and test operations, all or nothing.

Paths are JSON pointers (RFC 6901). As upstream's library does, a negative index counts from the end of a
list. A patch that is not one is a BadRequest; one that does not fit the document (a failed test, a missing
path) is answered with 422 and the reason among the causes.
"""

from __future__ import annotations

from typing import Any

from steersman.api.errors import ApiError, BadRequest, Invalid, RequestEntityTooLarge
from steersman.api.types import Object, copied

MAX_OPERATIONS = 10_000
"""Upstream's limit on the operations of one patch."""

_VALUE_OPERATIONS = frozenset({"add", "replace", "test"})
_FROM_OPERATIONS = frozenset({"move", "copy"})


def apply(doc: Object, operations: Any) -> Any:
    """The document after all operations.

    Raises BadRequest when the patch is malformed, RequestEntityTooLarge when it is too long, Invalid (422)
    when it does not apply.
    """
    checked = _check(operations)
    holder = {"": copied(doc)}
    for operation in checked:
        _OPERATIONS[operation["op"]](holder, operation)
    return holder[""]


def _check(operations: Any) -> list[Object]:
    if not isinstance(operations, list):
        raise BadRequest("a JSON patch must be a list of operations")
    if len(operations) > MAX_OPERATIONS:
        limit = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        raise RequestEntityTooLarge(limit)
    for operation in operations:
        _check_operation(operation)
    return operations


def _check_operation(operation: Any) -> None:
    if not isinstance(operation, dict):
        raise BadRequest("an operation of a JSON patch must be an object")
    name = operation.get("op")
    if name not in _OPERATIONS:
        raise BadRequest(f"unexpected kind of JSON patch operation: {name}")
    for field in ("path", *(("from",) if name in _FROM_OPERATIONS else ())):
        pointer = operation.get(field)
        if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
            raise BadRequest(f"the JSON patch operation {name} needs a JSON pointer in {field!r}")
    if name in ("add", "replace") and "value" not in operation:
        raise BadRequest(f"the JSON patch operation {name} needs a value")


def does_not_apply(why: str) -> ApiError:
    """The 422 upstream answers with when operations and document do not fit."""
    return Invalid(
        "the server rejected our request due to an error in our request",
        {"causes": [{"reason": "UnexpectedServerResponse", "message": why}]},
    )


def _tokens(pointer: str) -> list[str]:
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")]


def _missing(operation: Object, pointer: str) -> ApiError:
    return does_not_apply(f'{operation["op"]} operation does not apply: doc is missing path: "{pointer}"')


def _locate(holder: Object, pointer: str, operation: Object) -> tuple[Any, str]:
    """The container of the place a pointer names, and the last token. The whole document sits under ""."""
    tokens = _tokens(pointer)
    container: Any = holder
    for token in tokens[:-1]:
        container = _step(container, token, operation, pointer)
    if not isinstance(container, (dict, list)):
        raise _missing(operation, pointer)
    return container, tokens[-1]


def _step(container: Any, token: str, operation: Object, pointer: str) -> Any:
    if isinstance(container, dict) and token in container:
        return container[token]
    if isinstance(container, list):
        return container[_index(container, token, len(container) - 1, operation, pointer)]
    raise _missing(operation, pointer)


def _index(items: list[Any], token: str, last: int, operation: Object, pointer: str) -> int:
    """A list index from a pointer token, at most `last`; negative ones count from the end."""
    digits = token.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or (len(digits) > 1 and digits[0] == "0"):
        raise _missing(operation, pointer)
    index = int(token)
    if index < 0:
        index += last + 1
    if not 0 <= index <= last:
        raise _missing(operation, pointer)
    return index


def _get(holder: Object, pointer: str, operation: Object) -> Any:
    container, token = _locate(holder, pointer, operation)
    return _step(container, token, operation, pointer)


def _put(holder: Object, pointer: str, value: Any, operation: Object) -> None:
    container, token = _locate(holder, pointer, operation)
    if isinstance(container, dict):
        container[token] = value
    elif token == "-":
        container.append(value)
    else:
        container.insert(_index(container, token, len(container), operation, pointer), value)


def _cut(holder: Object, pointer: str, operation: Object) -> Any:
    container, token = _locate(holder, pointer, operation)
    found = _step(container, token, operation, pointer)
    if isinstance(container, dict):
        del container[token]
    else:
        del container[_index(container, token, len(container) - 1, operation, pointer)]
    return found


def _add(holder: Object, operation: Object) -> None:
    _put(holder, operation["path"], copied(operation["value"]), operation)


def _remove(holder: Object, operation: Object) -> None:
    _cut(holder, operation["path"], operation)


def _replace(holder: Object, operation: Object) -> None:
    container, token = _locate(holder, operation["path"], operation)
    _step(container, token, operation, operation["path"])
    value = copied(operation["value"])
    if isinstance(container, dict):
        container[token] = value
    else:
        container[_index(container, token, len(container) - 1, operation, operation["path"])] = value


def _move(holder: Object, operation: Object) -> None:
    if operation["path"].startswith(operation["from"] + "/"):
        raise does_not_apply("move operation does not apply: a value cannot be moved into itself")
    _put(holder, operation["path"], _cut(holder, operation["from"], operation), operation)


def _copy(holder: Object, operation: Object) -> None:
    _put(holder, operation["path"], copied(_get(holder, operation["from"], operation)), operation)


def _test(holder: Object, operation: Object) -> None:
    wanted = operation.get("value")
    try:
        found = _get(holder, operation["path"], operation)
    except ApiError:
        if wanted is not None:
            raise
        found = None
    if not _same(found, wanted):
        raise does_not_apply(f"testing value {operation['path']} failed: test failed")


def _same(a: Any, b: Any) -> bool:
    """JSON equality: unlike Python's, true is not 1."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


_OPERATIONS = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
