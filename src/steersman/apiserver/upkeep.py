"""What an API server does by the clock: bookmarks for watchers, compaction, the end of short-lived
objects."""

from __future__ import annotations

import ctypes
import logging
from typing import TYPE_CHECKING

from steersman.store.base import StoreError

if TYPE_CHECKING:
    from steersman.apiserver.api import API

log = logging.getLogger("steersman.apiserver.upkeep")
TRIM_INTERVAL = 60.0
"""Seconds between returns of free memory; one takes a few milliseconds."""
EXPIRY_INTERVAL = 30.0
"""Seconds between looks for expired objects."""


async def bookmarks(api: API) -> None:
    """Tell watchers that asked for it how far they are, so that they can resume from there."""
    while True:
        await api.clock.sleep(api.config.bookmark_interval)
        for cache in api.hub.caches():
            for group in cache.groups:
                group.bookmark(cache.revision)


async def compaction(api: API) -> None:
    """Forget history that is older than one interval."""
    revision = api.store.revision
    while True:
        await api.clock.sleep(api.config.compaction_interval)
        try:
            await api.store.compact(revision)
        except StoreError as error:
            log.warning("compaction to revision %d failed, trying again later: %s", revision, error)
        else:
            for cache in api.hub.caches():
                cache.forget(revision)
        revision = api.store.revision


async def trim(api: API) -> None:
    """Give memory of large documents and answers back to the system; the C library keeps it otherwise."""
    try:
        malloc_trim = ctypes.CDLL(None).malloc_trim
    except AttributeError:  # not glibc
        return
    while True:
        await api.clock.sleep(TRIM_INTERVAL)
        malloc_trim(0)


async def expiry(api: API) -> None:
    """Delete what has outlived its time (Events)."""
    while True:
        await api.clock.sleep(EXPIRY_INTERVAL)
        try:
            await api.store.expire(api.clock.time())
        except StoreError as error:
            log.warning("expired objects could not be deleted, trying again later: %s", error)
