"""The webhook authorizer: asks, remembers, and knows what no answer means.

Source: "Webhook Mode" of authorization, and the documented AuthorizationConfiguration.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from steersman.apiserver.authz import Decision, Verdict
from steersman.apiserver.authz.webhook.review import decision_of, review_spec
from steersman.apiserver.remote import Remote, RemoteFailed

if TYPE_CHECKING:
    from typing import Protocol

    from steersman.api.types import Object
    from steersman.apiserver.authz import Attributes
    from steersman.apiserver.authz.configuration import Mode
    from steersman.runtime.clock import Clock

    class Asked(Protocol):
        """Who answers reviews."""

        async def ask(self, question: Object, timeout: float) -> Object: ...

        async def aclose(self) -> None: ...


log = logging.getLogger("steersman.apiserver.authz")
MAX_REMEMBERED = 8192
LONGEST_KEY = 10_000
"""Questions with longer strings are not remembered: they would fill the memory, as upstream's limit."""
_SILENT = Decision(Verdict.NO_OPINION)


class WebhookAuthorizer:
    """One webhook."""

    def __init__(self, mode: Mode, remote: Asked, clock: Clock) -> None:
        self._mode, self._remote, self._clock = mode, remote, clock
        self._remembered: dict[tuple[object, ...], tuple[float, Decision]] = {}

    @classmethod
    def of(cls, mode: Mode, clock: Clock) -> WebhookAuthorizer:
        """The webhook a mode describes. Raises: ValueError."""
        return cls(mode, Remote(mode.kubeconfig, clock), clock)

    async def authorize(self, attributes: Attributes) -> Decision:
        key = _key(attributes)
        known = self._remembered.get(key)
        now = self._clock.monotonic()
        if known is not None and known[0] > now:
            return known[1]
        spec = review_spec(attributes)
        try:
            if not self._concerned(spec):
                return _SILENT
        except ValueError as error:
            return self._failed(f"match conditions: {error}")
        question: Object = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": spec,
        }
        try:
            answer = await self._remote.ask(question, self._mode.timeout)
        except RemoteFailed as error:
            return self._failed(str(error))
        decision = decision_of(answer["status"])
        self._remember(key, spec, decision, now)
        return decision

    def _concerned(self, spec: Object) -> bool:
        """Whether all match conditions are true; a false one decides before one without a value.

        Raises: ValueError.
        """
        if not self._mode.conditions:
            return True
        from steersman.api.cel.environment import evaluate, program

        problem: ValueError | None = None
        for expression in self._mode.conditions:
            try:
                if evaluate(program(expression, ("request",)), {"request": spec}) is not True:
                    return False
            except ValueError as error:
                problem = error
        if problem is not None:
            raise problem
        return True

    def _failed(self, why: str) -> Decision:
        log.warning("the authorization webhook %s failed: %s", self._mode.name, why)
        verdict = Verdict.DENY if self._mode.failure_denies else Verdict.NO_OPINION
        return Decision(verdict, f"the authorization webhook {self._mode.name} failed")

    def _remember(self, key: tuple[object, ...], spec: Object, decision: Decision, now: float) -> None:
        seconds = self._mode.allowed_ttl if decision.verdict is Verdict.ALLOW else self._mode.denied_ttl
        if seconds <= 0 or len(str(spec)) > LONGEST_KEY:
            return
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = (now + seconds, decision)

    async def aclose(self) -> None:
        await self._remote.aclose()


def _key(asked: Attributes) -> tuple[object, ...]:
    user = asked.user
    extra = tuple(sorted((name, tuple(values)) for name, values in user.extra.items()))
    who = (user.name, user.uid, user.groups, extra)
    what = (asked.verb, asked.group, asked.version, asked.resource, asked.subresource)
    where = (asked.namespace, asked.name, asked.field_selector, asked.label_selector)
    return (who, what, where, asked.is_resource, "" if asked.is_resource else asked.path)
