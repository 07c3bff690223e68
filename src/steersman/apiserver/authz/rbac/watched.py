"""RBAC kept fresh from the server's own watch caches.

The four resources are read when the first question comes (a server that is only asked by system:masters
never does), and followed from then on: a decision is as fresh as the caches.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from steersman.api.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from steersman.apiserver.authz.rbac.authorizer import RBACAuthorizer
from steersman.apiserver.authz.rbac.index import RBACIndex

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.api import API
    from steersman.apiserver.authz import Attributes, Decision

WATCHED = (CLUSTER_ROLES, ROLES, CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS)


class WatchedRBAC:
    """The RBAC authorizer of a running server."""

    def __init__(self, api: API) -> None:
        self._api = api
        self._index = RBACIndex()
        self._authorizer = RBACAuthorizer(self._index)
        self._loaded = False
        self._loading = asyncio.Lock()

    async def authorize(self, attributes: Attributes) -> Decision:
        if not self._loaded:
            await self._load()
        return self._authorizer.decide(attributes)

    async def index(self) -> RBACIndex:
        """The index, loaded."""
        if not self._loaded:
            await self._load()
        return self._index

    async def _load(self) -> None:
        async with self._loading:
            if self._loaded:
                return
            for resource in WATCHED:
                await self._api.follow(resource, self._on_change)
            self._loaded = True

    def _on_change(self, old: Object | None, new: Object | None) -> None:
        if new is not None:
            self._index.put(new)
        elif old is not None:
            self._index.drop(old)
