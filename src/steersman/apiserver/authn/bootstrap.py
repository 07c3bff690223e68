"""Bootstrap tokens: `<id>.<secret>`, kept in Secrets of kube-system; a new node's first identity.

The user is `system:bootstrap:<id>` in the group system:bootstrappers and the groups the Secret adds. Source:
"Authenticating with Bootstrap Tokens".
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from steersman.api import bootstrap_token, meta
from steersman.api.errors import NotFound
from steersman.api.kinds import SECRETS
from steersman.apiserver.authn import User, authenticated
from steersman.apiserver.authn.bearer import Identified

if TYPE_CHECKING:
    from steersman.apiserver.api import API


class BootstrapTokens:
    """The token source; reads the server's caches."""

    def __init__(self, api: API) -> None:
        self._api = api

    async def identify(self, token: str, audiences: tuple[str, ...] = ()) -> Identified | None:
        parts = bootstrap_token.split_token(token)
        if parts is None:
            return None
        name = bootstrap_token.NAME_PREFIX + parts[0]
        try:
            secret = await self._api.look(SECRETS, name, bootstrap_token.NAMESPACE)
            known = bootstrap_token.parse_secret(secret)
        except (NotFound, ValueError):
            return None
        if meta.deleting(secret) or known.expired(self._api.clock.time()) or not known.authenticates:
            return None
        if not hmac.compare_digest(known.secret, parts[1]):
            return None
        return Identified(
            authenticated(User(name=bootstrap_token.USER_PREFIX + known.id, groups=known.groups))
        )
