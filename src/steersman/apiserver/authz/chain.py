"""The authorizers of a server, in the order they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver.authn import MASTERS
from steersman.apiserver.authz import Decision, Verdict
from steersman.apiserver.authz.rbac.watched import WatchedRBAC

if TYPE_CHECKING:
    from steersman.apiserver.api import API
    from steersman.apiserver.authz import Attributes, Authorizer

_ALLOW = Decision(Verdict.ALLOW)
_NO_OPINION = Decision(Verdict.NO_OPINION)


class Masters:
    """The group system:masters may do everything, whatever the state of RBAC."""

    async def authorize(self, attributes: Attributes) -> Decision:
        return _ALLOW if MASTERS in attributes.user.groups else _NO_OPINION


def build(api: API) -> tuple[Authorizer, ...]:
    if api.config.authorization == "AlwaysAllow":
        return ()
    if api.config.authorization != "RBAC":
        raise ValueError(f"unknown authorization mode {api.config.authorization!r}: use RBAC or AlwaysAllow")
    return Masters(), WatchedRBAC(api)


def rbac_of(api: API) -> WatchedRBAC | None:
    """The server's RBAC authorizer; None when everything is allowed."""
    return next((item for item in api.authorizers if isinstance(item, WatchedRBAC)), None)


async def decide(api: API, attributes: Attributes) -> Decision:
    """What the chain says: the first allow or deny, or no opinion with every reason collected on the way."""
    if not api.authorizers:
        return _ALLOW
    reasons = []
    for authorizer in api.authorizers:
        decision = await authorizer.authorize(attributes)
        if decision.verdict is not Verdict.NO_OPINION:
            return decision
        if decision.reason:
            reasons.append(decision.reason)
    return Decision(Verdict.NO_OPINION, "; ".join(reasons))
