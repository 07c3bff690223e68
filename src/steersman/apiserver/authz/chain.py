"""The authorizers of a server, in the order they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver.authn import MASTERS
from steersman.apiserver.authz import Decision, Verdict
from steersman.apiserver.authz.configuration import Mode, modes_of
from steersman.apiserver.authz.node.authorizer import NodeAuthorizer
from steersman.apiserver.authz.rbac.watched import WatchedRBAC

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.apiserver.api import API
    from steersman.apiserver.authz import Attributes, Authorizer

_ALLOW = Decision(Verdict.ALLOW)
_NO_OPINION = Decision(Verdict.NO_OPINION)


class Masters:
    """The group system:masters may do everything, whatever the state of RBAC."""

    async def authorize(self, attributes: Attributes) -> Decision:
        return _ALLOW if MASTERS in attributes.user.groups else _NO_OPINION


class AlwaysAllow:
    """Everybody may do everything."""

    async def authorize(self, attributes: Attributes) -> Decision:
        return _ALLOW


class AlwaysDeny:
    """Has no opinion on anything, which refuses it when nobody else allows."""

    async def authorize(self, attributes: Attributes) -> Decision:
        return Decision(Verdict.NO_OPINION, "Everything is forbidden.")


def _webhook(api: API, mode: Mode) -> Authorizer:
    from steersman.apiserver.authz.webhook.authorizer import WebhookAuthorizer

    webhook = WebhookAuthorizer.of(mode, api.clock)
    api.on_close(webhook.aclose)
    return webhook


MODES: dict[str, Callable[[API, Mode], Authorizer]] = {
    "AlwaysAllow": lambda api, mode: AlwaysAllow(),
    "AlwaysDeny": lambda api, mode: AlwaysDeny(),
    "Node": lambda api, mode: NodeAuthorizer(api),
    "RBAC": lambda api, mode: WatchedRBAC(api),
    "Webhook": _webhook,
}
"""What makes the authorizer of each mode."""


def build(api: API) -> tuple[Authorizer, ...]:
    """Return the authorizers; those of a configuration file change with it.

    Raises: OSError, ValueError.
    """
    kept: dict[Mode, Authorizer] = {}
    if api.config.authorization_config:

        def reload() -> None:
            api.authorizers = _made(api, modes_of(api.config), kept)

        api.files.follow((api.config.authorization_config,), reload)
    return _made(api, modes_of(api.config), kept)


def _made(api: API, modes: tuple[Mode, ...], kept: dict[Mode, Authorizer]) -> tuple[Authorizer, ...]:
    """The chain of some modes; what is in `kept` already, with what it follows and remembers, is used
    again."""
    if [mode.type for mode in modes] == ["AlwaysAllow"]:
        return ()
    for mode in modes:
        if mode not in kept:
            kept[mode] = MODES[mode.type](api, mode)
    return Masters(), *(kept[mode] for mode in modes)


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
