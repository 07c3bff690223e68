"""The authorizer of admission expressions.

    authorizer.group('apps').resource('deployments').check('create').allowed()

Every step gives a map with what has been said so far; `check` asks the function that `asking` has put in
place for the evaluation, which answers at once with (allowed, reason).
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from steersman.api.cel.functions.function import Function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Ask = Callable[[Mapping[str, str]], tuple[bool, str]]

_ASK: ContextVar[Ask | None] = ContextVar("authorizer", default=None)


@contextmanager
def asking(ask: Ask) -> Iterator[None]:
    """Answer the checks of expressions evaluated within the block.

    `ask` gets what was said by name: verb, and path, or group, resource, subresource, namespace, name;
    serviceaccount is `namespace/name` when it is about another user.
    """
    token = _ASK.set(ask)
    try:
        yield
    finally:
        _ASK.reset(token)


def _said(name: str) -> Callable[[Any, str], dict[str, str]]:
    def say(so_far: Any, value: str) -> dict[str, str]:
        return {**_plain(so_far), name: value}

    return say


def _plain(value: Any) -> dict[str, str]:
    return {str(key): item for key, item in dict(value).items() if isinstance(item, str)}


def _service_account(so_far: Any, namespace: str, name: str) -> dict[str, str]:
    return {**_plain(so_far), "serviceaccount": f"{namespace}/{name}"}


def _check(so_far: Any, verb: str) -> dict[str, Any]:
    ask = _ASK.get()
    if ask is None:
        raise ValueError("there is no authorizer here")
    allowed, reason = ask({**_plain(so_far), "verb": verb})
    return {"allowed": allowed, "reason": reason}


def _step(name: str) -> Function:
    return Function(name, ((("dyn", "string"), "dyn"),), _said(name))


AUTHORIZER: tuple[Function, ...] = (
    *(_step(name) for name in ("path", "group", "resource", "subresource", "namespace", "name")),
    Function("serviceAccount", ((("dyn", "string", "string"), "dyn"),), _service_account),
    Function("check", ((("dyn", "string"), "dyn"),), _check),
    Function("allowed", ((("dyn",), "bool"),), lambda decision: bool(decision["allowed"])),
    Function("reason", ((("dyn",), "string"),), lambda decision: str(decision["reason"])),
    Function("errored", ((("dyn",), "bool"),), lambda decision: False),
    Function("error", ((("dyn",), "string"),), lambda decision: ""),
)
