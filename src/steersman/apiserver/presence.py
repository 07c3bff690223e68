"""Which API servers there are: each keeps a short-lived key in the shared store, and whoever is there is what
the Service `kubernetes` points at.

A server that stops takes its key away; that of one that dies ends by itself. All servers compute the same
endpoints from the same keys. Source of the figures: k8s pkg/controlplane/reconcilers (lease reconciler).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from steersman.api.errors import ApiError
from steersman.apiserver.bootstrap import point
from steersman.store.base import CompareFailed, StoreError

if TYPE_CHECKING:
    from steersman.apiserver.api import API

log = logging.getLogger("steersman.apiserver.presence")
KEYS = "/registry/masterleases/"
SECONDS = 15.0
"""How long a key lasts."""
INTERVAL = 10.0
"""Seconds between renewals."""
LEAVE_SECONDS = 2.0
"""How long taking the key away may take."""


async def presence(api: API) -> None:
    """Keep this server among those the Service points at, until cancelled."""
    key = f"{KEYS}{api.advertised}:{api.port or 6443}"
    try:
        while True:
            try:
                await api.store.put(key, b"{}", expect=None, ttl=SECONDS)
                await _point(api)
            except (StoreError, ApiError) as error:
                log.warning("the Service kubernetes cannot be kept, trying again later: %s", error)
            await api.clock.sleep(INTERVAL)
    finally:
        await _leave(api, key)


async def _point(api: API) -> None:
    keys = [entry.key for entry in (await api.store.range(KEYS)).entries]
    servers = [key[len(KEYS) :].rpartition(":") for key in keys]
    if servers:
        await point(api, [(address, int(port)) for address, _, port in servers])


async def _leave(api: API, key: str) -> None:
    try:
        async with asyncio.timeout(LEAVE_SECONDS):
            await api.store.delete(key, expect=None)
            await _point(api)
    except CompareFailed:
        log.debug("%s was gone already", key)
    except (StoreError, ApiError, TimeoutError) as error:
        log.warning("this server could not take itself out of the Service kubernetes: %s", error)
