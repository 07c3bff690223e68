"""The chain every request passes, in the order of `HTTP_CHAIN`, from the adapter to the handler.

A step is `async (api, request, next) -> Answer`; it may answer itself, change the request, or look at the
answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from steersman.api.errors import (
    ApiError,
    Forbidden,
    InternalError,
    RequestEntityTooLarge,
    ServiceUnavailable,
    Timeout,
    Unauthorized,
)
from steersman.apiserver import metrics
from steersman.apiserver.authn import ANONYMOUS, MASTERS, UNAUTHENTICATED, User
from steersman.apiserver.authn.impersonation import (
    impersonated_user,
    needed_permissions,
    wants_impersonation,
)
from steersman.apiserver.authz import Attributes, Verdict
from steersman.apiserver.http import pretty, request_info
from steersman.apiserver.http.status import error_response
from steersman.apiserver.http.values import Answer, Handler, Request, Response, Streaming, Takeover
from steersman.store.base import StoreUnavailable, ValueTooLarge

if TYPE_CHECKING:
    from steersman.apiserver.api import API
    from steersman.apiserver.audit.auditor import Auditor
    from steersman.apiserver.fairness.fairness import Fairness

log = logging.getLogger("steersman.apiserver.http")
Step = Callable[["API", Request, Handler], Awaitable[Answer]]

REQUEST_TIMEOUT = 60.0
"""Seconds a write may take, as upstream's --request-timeout."""
_UNLIMITED = frozenset({"watch", "connect", "get", "list"})
"""Verbs without a limit: streams have their own, reads are answered from memory."""
_LONG_SUBRESOURCES = frozenset({"exec", "attach", "portforward", "proxy", "log"})
_EVERYBODY = User("system:anonymous", groups=(MASTERS,))


async def recover(api: API, request: Request, next: Handler) -> Answer:
    """Turn errors into Statuses; whatever else is raised is logged and answered with 500. Indent what people
    read."""
    answer: Answer
    try:
        answer = await next(request)
    except ApiError as error:
        answer = error_response(error)
    except ValueTooLarge as error:
        answer = error_response(RequestEntityTooLarge(str(error)))
    except StoreUnavailable as error:
        log.error("%s %s: the store failed: %s", request.method, request.path, error)
        answer = error_response(ServiceUnavailable(f"the store is not available: {error}"))
    except Exception as error:  # BLE001: logged and answered with 500
        log.exception("%s %s failed", request.method, request.path)
        answer = error_response(InternalError.of(error))
    return pretty.indented(request, answer) if pretty.wanted(request) else answer


async def measure(api: API, request: Request, next: Handler) -> Answer:
    """Count requests and their durations; a taken-over connection counts as 101."""
    start, code, verb = api.clock.monotonic(), 500, request.info.verb
    metrics.REQUESTS.begin(verb)
    try:
        answer = await next(request)
        code = 101 if isinstance(answer, Takeover) else answer.status
        return answer
    except ApiError as error:
        code = error.code
        raise
    finally:
        metrics.REQUESTS.end(verb)
        metrics.REQUESTS.count(request.info, code, api.clock.monotonic() - start)


async def describe(api: API, request: Request, next: Handler) -> Answer:
    """Find out what the path and the method ask for."""
    query = request.query
    watch = bool(query.text) and query.flag("watch")
    name = ""
    if query.text and "metadata.name" in query.text:
        name = query.get("fieldSelector").partition("metadata.name=")[2].partition(",")[0]
    request.info = request_info.parse(request.method, request.path, watch=watch, field_name=name)
    return await next(request)


async def limit_time(api: API, request: Request, next: Handler) -> Answer:
    """Answer 504 to writes that take too long."""
    info = request.info
    if info.verb in _UNLIMITED or info.subresource in _LONG_SUBRESOURCES:
        return await next(request)
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = True
        task.cancel()

    timer = loop.call_later(REQUEST_TIMEOUT, expire)
    try:
        return await next(request)
    except asyncio.CancelledError:
        if not expired or task.uncancel() > 0:
            raise
        raise Timeout.of("request did not complete within the allotted timeout") from None
    finally:
        timer.cancel()


async def warn(api: API, request: Request, next: Handler) -> Answer:
    """Send the collected warnings along, each once."""
    answer = await next(request)
    if request.warnings and isinstance(answer, (Response, Streaming)):
        texts = dict.fromkeys(request.warnings)
        answer.headers["Warning"] = ", ".join(f'299 - "{_quoted(text)}"' for text in texts)
    return answer


def _quoted(text: str) -> str:
    clean = "".join(character if character.isprintable() else " " for character in text)
    return clean.replace("\\", "\\\\").replace('"', '\\"')


async def authenticate(api: API, request: Request, next: Handler) -> Answer:
    """Find out who is asking, unless the adapter knows: only the in-process transport sets a user."""
    if request.user is not None:
        return await next(request)
    if not api.authenticators:
        request.user = _EVERYBODY
        return await next(request)
    for authenticator in api.authenticators:
        user = await authenticator.authenticate(request)
        if user is not None:
            request.user = user
            return await next(request)
    if not api.anonymous or (api.anonymous_paths and request.path not in api.anonymous_paths):
        raise Unauthorized
    request.user = User(ANONYMOUS, groups=(UNAUTHENTICATED,))
    return await next(request)


async def impersonate(api: API, request: Request, next: Handler) -> Answer:
    """Go on as the user the headers name, when the real one may act as that user."""
    if not wants_impersonation(request.headers):
        return await next(request)
    real = request.user
    assert real is not None
    for attributes in needed_permissions(real, request.headers):
        await check(api, attributes)
    request.user = impersonated_user(request.headers)
    return await next(request)


async def authorize(api: API, request: Request, next: Handler) -> Answer:
    """Refuse what the user may not do."""
    if api.authorizers:
        try:
            reason = await check(api, attributes_of(request))
        except Forbidden as error:
            _annotate(request, "forbid", error.message)
            raise
        _annotate(request, "allow", reason)
    return await next(request)


def _annotate(request: Request, decision: str, reason: str) -> None:
    if request.annotations is not None:
        request.annotations["authorization.k8s.io/decision"] = decision
        request.annotations["authorization.k8s.io/reason"] = reason


def attributes_of(request: Request) -> Attributes:
    """Return what authorizers are asked about a request."""
    info, user = request.info, request.user
    assert user is not None
    if not info.is_resource:
        return Attributes(user, info.verb, False, info.path)
    query = request.query
    return Attributes(
        user,
        info.verb,
        True,
        info.path,
        info.group,
        info.version,
        info.resource,
        info.subresource,
        info.namespace,
        info.name,
        query.get("fieldSelector"),
        query.get("labelSelector"),
    )


async def check(api: API, attributes: Attributes) -> str:
    """Return why an authorizer allows; raise Forbidden when none does."""
    reasons = []
    for authorizer in api.authorizers:
        decision = await authorizer.authorize(attributes)
        if decision.verdict is Verdict.ALLOW:
            return decision.reason
        if decision.reason:
            reasons.append(decision.reason)
        if decision.verdict is Verdict.DENY:
            break
    raise refusal(attributes, "; ".join(reasons))


def refusal(attributes: Attributes, reason: str) -> Forbidden:
    """Return the error for a refused request, in upstream's words."""
    who, because = attributes.user.name, f": {reason}" if reason else ""
    if not attributes.is_resource:
        return Forbidden(
            f'forbidden: User "{who}" cannot {attributes.verb} path "{attributes.path}"{because}', {}
        )
    resource = attributes.resource
    if attributes.subresource:
        resource += f"/{attributes.subresource}"
    qualified = f"{attributes.resource}.{attributes.group}" if attributes.group else attributes.resource
    subject = f'{qualified} "{attributes.name}"' if attributes.name else qualified
    where = f' in the namespace "{attributes.namespace}"' if attributes.namespace else " at the cluster scope"
    details = {"kind": attributes.resource}
    if attributes.name:
        details["name"] = attributes.name
    if attributes.group:
        details["group"] = attributes.group
    return Forbidden(
        f'{subject} is forbidden: User "{who}" cannot {attributes.verb} resource "{resource}" '
        f'in API group "{attributes.group}"{where}{because}',
        details,
    )


HTTP_CHAIN: tuple[Step, ...] = (
    recover,  # outermost: an error in any later step still gets a Status
    describe,
    measure,  # behind describe, which names what is counted; errors pass through it
    limit_time,
    warn,
    authenticate,
    impersonate,
    authorize,
)
"""In the order of the request; `steps` adds those that a server is configured to have."""


def steps(auditor: Auditor | None, fairness: Fairness | None) -> tuple[Step, ...]:
    """Return the chain with auditing around authentication, and with the queues of priority and fairness
    before authorisation, where there are such."""
    chain: list[Step] = []
    for step in HTTP_CHAIN:
        if step is authenticate and auditor is not None:
            chain += (auditor.unauthenticated, step, auditor.audit)
        elif step is authorize and fairness is not None:
            chain += (fairness.admit, step)
        else:
            chain.append(step)
    return tuple(chain)


def build(api: API, handler: Handler, steps: tuple[Step, ...] = HTTP_CHAIN) -> Handler:
    """Return the handler behind the chain."""
    for step in reversed(steps):
        handler = _bind(step, api, handler)
    return handler


def _bind(step: Step, api: API, next: Handler) -> Handler:
    def handle(request: Request) -> Awaitable[Answer]:
        return step(api, request, next)

    return handle
