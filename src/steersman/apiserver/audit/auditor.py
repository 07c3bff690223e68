"""The steps of the chain that record requests.

`unauthenticated` stands before authentication and records what never gets past it; `audit` stands behind it
and records everything else, as the user who asked, before impersonation.
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from steersman.api.errors import ApiError, BadRequest, Unauthorized
from steersman.apiserver.audit import events
from steersman.apiserver.audit.policy import Decision, Level
from steersman.apiserver.authn import User
from steersman.apiserver.handlers.body import PROTOBUF, media_type, parse
from steersman.apiserver.http.values import Response, Streaming, Takeover

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from steersman.api.types import Object
    from steersman.apiserver.api import API
    from steersman.apiserver.audit.policy import Policy
    from steersman.apiserver.http.values import Answer, Handler, Request, Sink
    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.apiserver.audit")
NOBODY = User("")


class Backend(Protocol):
    """Where events go."""

    def emit(self, event: Object) -> None:
        """Take one event; never blocks for long and never raises."""
        ...


class Auditor:
    """See the module's text."""

    def __init__(self, policy: Policy, backends: Sequence[Backend], clock: Clock) -> None:
        self._policy, self._backends, self._clock = policy, tuple(backends), clock

    async def unauthenticated(self, api: API, request: Request, next: Handler) -> Answer:
        """Record requests whose credentials were refused."""
        try:
            return await next(request)
        except Unauthorized as error:
            if request.user is None:
                decision = self._policy.decide(request.info, NOBODY)
                if decision.level:
                    record = self._record(request, None, decision)
                    self._emit(record, "ResponseComplete", events.status_of(error.code, error.to_status()))
            raise

    async def audit(self, api: API, request: Request, next: Handler) -> Answer:
        """Record a request at every stage the policy asks for."""
        user = request.user
        assert user is not None
        decision = self._policy.decide(request.info, user)
        if not decision.level:
            return await next(request)
        record = self._record(request, user, decision)
        request.annotations = record.annotations
        self._emit(record, "RequestReceived")
        try:
            answer = await next(request)
        except ApiError as error:
            status = error.to_status()
            self._emit(
                record, "ResponseComplete", events.status_of(error.code, status), _sent(record), status
            )
            raise
        except Exception:
            self._emit(record, "Panic", events.status_of(500))
            raise
        return self._answered(record, answer)

    def _record(self, request: Request, user: User | None, decision: Decision) -> events.Record:
        given = request.headers.get("Audit-ID", "")
        name = given if given and len(given) <= 64 and given.isprintable() else str(uuid.uuid4())
        return events.Record(name, request, user, decision, self._clock.time())

    def _answered(self, record: events.Record, answer: Answer) -> Answer:
        sent = _sent(record)
        if isinstance(answer, Takeover):
            self._emit(record, "ResponseStarted", events.status_of(101), sent)
            return self._taken(record, answer, sent)
        answer.headers["Audit-Id"] = record.id
        if isinstance(answer, Response):
            body = _answered(record, answer)
            self._emit(record, "ResponseComplete", events.status_of(answer.status, body), sent, body)
            return answer
        status = events.status_of(answer.status)
        self._emit(record, "ResponseStarted", status, sent)
        run = answer.run

        async def recorded(sink: Sink) -> None:
            try:
                await run(sink)
            finally:
                self._emit(record, "ResponseComplete", status, sent)

        return Streaming(answer.status, recorded, answer.content_type, answer.headers)

    def _taken(self, record: events.Record, answer: Takeover, sent: Any) -> Takeover:
        async def recorded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await answer.run(reader, writer)
            finally:
                self._emit(record, "ResponseComplete", events.status_of(101), sent)

        return Takeover(recorded)

    def _emit(
        self,
        record: events.Record,
        stage: str,
        status: Object | None = None,
        sent: Any = None,
        answered: Any = None,
    ) -> None:
        if stage in record.decision.omit_stages:
            return
        made = events.event(record, stage, self._clock.time(), status=status, sent=sent, answered=answered)
        for backend in self._backends:
            backend.emit(made)


def _sent(record: events.Record) -> Any:
    """Return the decoded body that the handler has read, where the level asks for it."""
    request = record.request
    if record.decision.level < Level.REQUEST or not request.info.is_resource:
        return None
    data = request.reader.seen()
    if not data:
        return None
    try:
        media = media_type(request)
        if media == PROTOBUF:
            from steersman.api import protobuf

            return protobuf.decode(data)
        return parse(data, yaml="yaml" in media)
    except (BadRequest, ValueError):
        return None  # the handler has refused it already


def _answered(record: events.Record, answer: Response) -> Any:
    """Return the decoded answer, where the level asks for it or it is an error."""
    wanted = record.decision.level >= Level.REQUEST_RESPONSE and record.request.info.is_resource
    if not (wanted or answer.status >= 400) or answer.content_type.partition(";")[0] != "application/json":
        return None
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
